import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { ServerMetadata } from 'openid-client';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { judgeEndpoints } from './discovered-endpoints.js';

const settings = (issuer: string, more: Partial<Parameters<typeof judgeEndpoints>[1]> = {}) => ({
  issuer,
  endpointHosts: [],
  allowInsecure: false,
  sendsCredentials: true,
  ...more,
});

const GOOGLE: ServerMetadata = {
  issuer: 'https://accounts.google.com',
  authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
  token_endpoint: 'https://oauth2.googleapis.com/token',
  userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
  revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
  jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
};
const COGNITO: ServerMetadata = {
  issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc',
  authorization_endpoint: 'https://game.auth.eu-west-1.amazoncognito.com/oauth2/authorize',
  token_endpoint: 'https://game.auth.eu-west-1.amazoncognito.com/oauth2/token',
  userinfo_endpoint: 'https://game.auth.eu-west-1.amazoncognito.com/oauth2/userInfo',
  revocation_endpoint: 'https://game.auth.eu-west-1.amazoncognito.com/oauth2/revoke',
  end_session_endpoint: 'https://game.auth.eu-west-1.amazoncognito.com/logout',
  jwks_uri: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc/.well-known/jwks.json',
};
const CREDENTIAL_ENDPOINTS = [
  'token_endpoint',
  'introspection_endpoint',
  'revocation_endpoint',
  'userinfo_endpoint',
] as const;

describe('a discovery document', () => {
  it.each([
    ['Google', GOOGLE, ['oauth2.googleapis.com', 'openidconnect.googleapis.com']],
    ['Cognito', COGNITO, ['game.auth.eu-west-1.amazoncognito.com']],
  ])('in the shape of %s is refused with the line to write, and followed with that line', (_name, document, hosts) => {
    const { refusal } = judgeEndpoints(document, settings(document.issuer));
    expect(refusal?.hosts).toEqual(hosts);
    expect(refusal?.sentence).toContain(`endpointHosts: [${hosts.map((host) => `'${host}'`).join(', ')}]`);
    const named = settings(document.issuer, { endpointHosts: hosts });
    expect(judgeEndpoints(document, named)).toEqual({ metadata: document });
  });

  it.each<[string, object, boolean | undefined, 'followed' | 'left out' | 'refused']>([
    ['offered', {}, undefined, 'left out'],
    ['offered and switched off', { require_pushed_authorization_requests: true }, false, 'left out'],
    ['offered, with a text as requirement', { require_pushed_authorization_requests: 'true' }, undefined, 'left out'],
    ['required', { require_pushed_authorization_requests: true }, undefined, 'refused'],
    ['wanted', {}, true, 'refused'],
  ])(
    'with pushed authorization requests %s on another host',
    (_name, members, pushedAuthorizationRequests, expected) => {
      const endpoint = 'https://par.example/par';
      const document = { issuer: 'https://id.example', pushed_authorization_request_endpoint: endpoint, ...members };
      const wanted = settings('https://id.example', { pushedAuthorizationRequests });
      const judged = judgeEndpoints(document, wanted);
      expect(judged.refusal?.hosts).toEqual(expected === 'refused' ? ['par.example'] : undefined);
      expect(Object.keys(judged.refusal ? {} : judged.metadata)).not.toContain('pushed_authorization_request_endpoint');
      const named = judgeEndpoints(document, { ...wanted, endpointHosts: ['par.example'] });
      expect(named).toEqual({ metadata: document });
    },
  );

  it.each([
    ['another port', 'https://id.example:8443/token'],
    ['another scheme', 'http://id.example/token'],
    ['a host that begins alike', 'https://id.example.evil.example/token'],
    ['a dot at its end', 'https://id.example./token'],
    ['the issuer as user', 'https://id.example@evil.example/token'],
    ['a sibling', 'https://api.id.example/token'],
    ['this machine', 'http://127.0.0.1:9000/token'],
    ['this machine by https', 'https://localhost/token'],
  ])('is refused when credentials go to %s', (_name, address) => {
    for (const name of CREDENTIAL_ENDPOINTS) {
      const document = { issuer: 'https://id.example', [name]: address };
      expect(judgeEndpoints(document, settings('https://id.example')).refusal?.sentence).toContain(name);
    }
  });

  it.each(['jwks_uri', 'authorization_endpoint', 'end_session_endpoint', ...CREDENTIAL_ENDPOINTS])(
    'of an https issuer may not name plain http for %s, on this machine either',
    (name) => {
      const document = { issuer: 'https://id.example', [name]: 'http://127.0.0.1:9000/x' };
      for (const sendsCredentials of [true, false]) {
        const options = settings('https://id.example', { endpointHosts: ['127.0.0.1:9000'], sendsCredentials });
        expect(judgeEndpoints(document, options).refusal?.sentence).toContain(`plain http for ${name}`);
      }
      const ofThisMachine = settings('http://127.0.0.1:8000', { endpointHosts: ['127.0.0.1:9000'] });
      expect(judgeEndpoints({ ...document, issuer: 'http://127.0.0.1:8000' }, ofThisMachine).refusal).toBeUndefined();
    },
  );

  it('may keep its keys and pages elsewhere, by https', () => {
    const document = {
      issuer: 'https://id.example',
      jwks_uri: 'https://keys.example/jwks',
      authorization_endpoint: 'https://login.example/authorize',
    };
    expect(judgeEndpoints(document, settings(document.issuer))).toEqual({ metadata: document });
  });

  it('loses its foreign endpoints where only JWTs are verified', () => {
    const judged = judgeEndpoints(GOOGLE, settings(GOOGLE.issuer, { sendsCredentials: false }));
    expect(judged).toEqual({
      metadata: {
        issuer: GOOGLE.issuer,
        authorization_endpoint: GOOGLE.authorization_endpoint,
        jwks_uri: GOOGLE.jwks_uri,
      },
    });
  });

  it('never sends credentials to a host that is neither the issuer nor named', () => {
    fc.assert(
      fc.property(
        fc.webUrl({ withFragments: true, withQueryParameters: true, validSchemes: ['https', 'http'] }),
        fc.constantFrom(...CREDENTIAL_ENDPOINTS),
        fc.array(fc.domain(), { maxLength: 3 }),
        fc.boolean(),
        (address, name, endpointHosts, sendsCredentials) => {
          const options = settings('https://id.example', { endpointHosts, sendsCredentials });
          const judged = judgeEndpoints({ issuer: 'https://id.example', [name]: address }, options);
          const followed = judged.refusal ? undefined : judged.metadata[name];
          const { host, protocol } = new URL(address);
          const isAllowed = protocol === 'https:' && (host === 'id.example' || endpointHosts.includes(host));
          expect(followed).toBe(isAllowed ? address : undefined);
        },
      ),
      { numRuns: propertyRuns(100) },
    );
  });

  it('names at most eight hosts', () => {
    const many = Object.fromEntries(CREDENTIAL_ENDPOINTS.map((name, index) => [name, `https://h${index}.example/`]));
    const { refusal } = judgeEndpoints({ issuer: 'https://id.example', ...many }, settings('https://id.example'));
    expect(refusal?.hosts).toHaveLength(4);
  });
});
