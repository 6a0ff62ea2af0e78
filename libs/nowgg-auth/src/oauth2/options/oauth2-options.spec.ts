import { describe, expect, it } from '@jest/globals';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { NowggConfigurationError } from '../../errors.js';
import {
  authgear,
  introspection,
  jwt,
  oauth2,
  type OAuth2ProviderOptions,
  resolver,
  sami,
  tokenInfo,
  userinfo,
  wgtwo,
} from '../index.js';

const good: OAuth2ProviderOptions = {
  name: 'web',
  issuer: 'https://id.example',
  clientId: 'c',
  verification: jwt({ audience: 'https://api.example' }),
};

const RSA = pemOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }));
const SHORT_RSA = pemOf(generateKeyPairSync('rsa', { modulusLength: 1_024 }));
const EC = pemOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }));

function pemOf({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }) {
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

function faultsOf(define: () => unknown): string {
  try {
    define();
  } catch (error) {
    if (error instanceof NowggConfigurationError) return error.message;
    throw error;
  }
  return '';
}

describe('the options of a standard identity provider', () => {
  it.each<[string, Partial<Record<keyof OAuth2ProviderOptions, unknown>>]>([
    ['name', { name: 'a b' }],
    ['name', { name: undefined }],
    ['clientId', { clientId: '' }],
    ['clientSecret', { clientSecret: ' ' }],
    ['clientSecret', { clientAuthentication: 'basic' }],
    ['clientAuthentication', { clientAuthentication: 'magic', clientSecret: 's' }],
    ['issuer', { issuer: 'http://id.example' }],
    ['issuer', { issuer: 'id.example' }],
    ['issuer', { issuer: undefined }],
    ['issuer', { issuer: 'https://user:pass@id.example' }],
    ['issuer', { issuer: 'https://id.example?tenant=1' }],
    ['issuer', { issuer: 'https://id.example/?' }],
    ['issuer', { issuer: 'https://id.example/#' }],
    ['issuer', { issuer: 'https://id.example/realm#x' }],
    ['issuer', { issuer: 'https://id.example\n' }],
    ['issuer', { issuer: ' https://id.example' }],
    ['issuer', { issuer: 'https://id.example/a\tb' }],
    ['issuer', { issuer: 'https://id.example\\realm' }],
    ['endpoints', { endpoints: {} }],
    ['endpoints.token', { endpoints: { token: 'http://id.example/token', jwks: 'https://id.example/jwks' } }],
    ['endpoints.jwks', { endpoints: { token: 'https://id.example/token' } }],
    ['endpoints.tokn', { endpoints: { tokn: 'https://id.example/token', jwks: 'https://id.example/jwks' } }],
    ['redirectUri', { redirectUri: 'https://game.example/cb?x=1' }],
    ['redirectUri', { redirectUri: 'https://game.example' }],
    ['redirectUri', { redirectUri: 'https://game.example/cb#x' }],
    ['backchannelLogout', { backchannelLogout: 'yes' }],
    [
      'backchannelLogout',
      { backchannelLogout: true, issuer: undefined, endpoints: { jwks: 'https://id.example/jwks' } },
    ],
    [
      'backchannelLogout',
      { backchannelLogout: true, verification: introspection(), endpoints: { introspection: 'https://id.example/x' } },
    ],
    ['scopes', { scopes: ['a b'] }],
    ['scopes', { scopes: 'openid' }],
    ['scopeSeparator', { scopeSeparator: ';' }],
    ['idTokenAlgorithm', { idTokenAlgorithm: 'HS256' }],
    ['idTokenAlgorithm', { idTokenAlgorithm: 'none' }],
    ['authorizationParameters.state', { authorizationParameters: { state: 'x' } }],
    ['dpop.publicUrl', { verification: jwt({ audience: 'a', dpop: {} as never }) }],
    ['dpop.publicUrl', { verification: jwt({ audience: 'a', dpop: { publicUrl: 'http://api.example' } }) }],
    ['dpop.publicUrl', { verification: jwt({ audience: 'a', dpop: { publicUrl: 'https://u@api.example' } }) }],
    ['dpop.publicUrl', { verification: jwt({ audience: 'a', dpop: { publicUrl: ['https://api.example?x'] } }) }],
    ['dpop.publicUrl', { verification: jwt({ audience: 'a', dpop: { publicUrl: [] } }) }],
    [
      'dpop.algorithms',
      { verification: jwt({ audience: 'a', dpop: { publicUrl: 'https://a.b', algorithms: ['HS256'] } }) },
    ],
    ['dpop.proofLifeMs', { verification: jwt({ audience: 'a', dpop: { publicUrl: 'https://a.b', proofLifeMs: 1 } }) }],
    [
      'dpop.nonceSecret',
      { verification: jwt({ audience: 'a', dpop: { publicUrl: 'https://a.b', nonceSecret: 'x' } }) },
    ],
    ['dpop', { verification: jwt({ audience: 'a', dpop: true as never }) }],
    ['verification', { verification: undefined }],
    ['verification', { verification: {} }],
    ['verification', { verification: { jwt: userinfo() } }],
    ['jwt audience', { verification: jwt({ audience: '' }) }],
    ['jwt algorithms', { verification: jwt({ audience: 'a', algorithms: ['HS256'] }) }],
    ['jwt algorithms', { verification: jwt({ audience: 'a', algorithms: [] }) }],
    ['jwt audience', { verification: jwt({ audience: 'c', typ: false }) }],
    ['jwt audience', { verification: jwt(undefined as never) }],
    ['jwt algorithms', { verification: jwt({ audience: 'a', algorithms: 5 as never }) }],
    ['jwt sameClient', { verification: jwt({ audience: 'a', sameClient: 0 as never }) }],
    ['unknown option jwt audiences', { verification: jwt({ audience: 'a', audiences: 'b' } as never) }],
    ['unknown option introspection client', { verification: introspection({ client: 'c' } as never) }],
    ['introspection sameClient', { verification: introspection({ sameClient: null as never }) }],
    ['clientSecret', { verification: introspection() }],
    ['tokenInfo url', { verification: tokenInfo({ url: 'http://id.example/x', map: { userId: 'u', clientId: 'c' } }) }],
    [
      'tokenInfo map.clientId',
      { verification: tokenInfo({ url: 'https://i.e/x', map: { userId: 'u', clientId: '' } }) },
    ],
    ['unknown option tokenInfo uri', { verification: tokenInfo({ uri: 'x', map: { userId: 'u' } } as never) }],
    ['unknown option tokenInfo map.user', { verification: tokenInfo({ url: 'x', map: { user: 'u' } } as never) }],
    ['tokenInfo map.userId', { verification: tokenInfo(undefined as never) }],
    ['unknown option resolver uri', { verification: resolver({ uri: 'https://i.e/x' } as never) }],
    ['isuer', { isuer: 'https://id.example' } as object],
    ['clientSecret', { clientAuthentication: 'client_secret_jwt' }],
    ['clientPrivateKey', { clientAuthentication: 'private_key_jwt' }],
    ['clientPrivateKey', { clientAuthentication: 'private_key_jwt', clientSecret: 's' }],
    ['clientPrivateKey', { clientPrivateKey: 'key' }],
    ['clientPrivateKey.key', { clientPrivateKey: {} }],
    ['clientPrivateKey.key', { clientPrivateKey: { key: 'a key' } }],
    ['clientPrivateKey.key', { clientPrivateKey: { key: RSA.publicKey } }],
    ['clientPrivateKey.key', { clientPrivateKey: { key: RSA.privateKey, algorithm: 'ES256' } }],
    ['clientPrivateKey.key', { clientPrivateKey: { key: EC.privateKey } }],
    ['clientPrivateKey.key', { clientPrivateKey: { key: EC.privateKey, algorithm: 'ES384' } }],
    ['clientPrivateKey.key', { clientPrivateKey: { key: SHORT_RSA.privateKey } }],
    ['clientPrivateKey.algorithm', { clientPrivateKey: { key: RSA.privateKey, algorithm: 'HS256' } }],
    ['clientPrivateKey.algorithm', { clientPrivateKey: { key: RSA.privateKey, algorithm: 'none' } }],
    ['clientPrivateKey.keyId', { clientPrivateKey: { key: RSA.privateKey, keyId: '' } }],
    ['unknown option clientPrivateKey.kid', { clientPrivateKey: { key: RSA.privateKey, kid: 'k' } }],
    ['clientPrivateKey', { clientPrivateKey: { key: RSA.privateKey }, clientSecret: 's' }],
    ['clientPrivateKey', { clientPrivateKey: { key: RSA.privateKey }, clientAuthentication: 'none' }],
    ['pushedAuthorizationRequests', { pushedAuthorizationRequests: 'yes' }],
    [
      'endpoints.pushedAuthorization',
      { pushedAuthorizationRequests: true, endpoints: { jwks: 'https://id.example/jwks' } },
    ],
    [
      'endpoints.pushedAuthorization',
      { endpoints: { jwks: 'https://i.e/jwks', pushedAuthorization: 'http://i.e/par' } },
    ],
    ...['grant_type', 'code', 'code_verifier', 'redirect_uri', 'refresh_token', 'client_id', 'client_secret'].map(
      (name): [string, object] => [`tokenParameters.${name}`, { tokenParameters: { [name]: 'x' } }],
    ),
    ['tokenParameters.client_assertion', { tokenParameters: { client_assertion: 'x' } }],
    ['tokenParameters.scope', { tokenParameters: { scope: 'x' } }],
    ['tokenParameters', { tokenParameters: 'resource' }],
    ['tokenParameters', { tokenParameters: { resource: '' } }],
    ['tokenParameters', { tokenParameters: { resource: ['https://a.example'] } }],
    ['tokenParameters', { tokenParameters: ['resource'] }],
    ['applicationParameters.grant_type', { applicationParameters: { grant_type: 'x' } }],
    ['applicationParameters', { applicationParameters: { audience: 5 } }],
    ['refresh', { refresh: 'never' }],
    ['refresh', { refresh: true }],
    ['jwt audience', { verification: jwt({ audience: false }) }],
    ['jwt audience', { verification: jwt({ audience: false, tokenUse: 'access', sameClient: false }) }],
    ['jwt audience', { verification: jwt({ audience: true as never, tokenUse: 'access' }) }],
    ['jwt tokenUse', { verification: jwt({ audience: 'a', tokenUse: '' }) }],
    ['jwt tokenUse', { verification: jwt({ audience: 'a', tokenUse: ['access'] as never }) }],
    ['jwt clientClaim', { verification: jwt({ audience: 'a', clientClaim: '' }) }],
    ['jwt clientClaim', { verification: jwt({ audience: 'a', clientClaim: false as never }) }],
    ['introspection audience', { clientSecret: 's', verification: introspection({ audience: '' }) }],
    ['introspection audience', { clientSecret: 's', verification: introspection({ audience: ['a'] as never }) }],
  ])('names %s when it is at fault', (name, change) => {
    expect(faultsOf(() => oauth2({ ...good, ...change } as OAuth2ProviderOptions))).toContain(name);
  });

  it('takes good ones, plain http on this machine, and plain http anywhere when opted for', () => {
    expect(faultsOf(() => oauth2(good))).toBe('');
    expect(faultsOf(() => oauth2({ ...good, issuer: 'http://127.0.0.1:4000' }))).toBe('');
    expect(faultsOf(() => oauth2({ ...good, issuer: 'http://id.internal', allowInsecure: true }))).toBe('');
  });

  it.each<[string, Partial<OAuth2ProviderOptions>]>([
    ['an RSA key', { clientPrivateKey: { key: RSA.privateKey } }],
    ['an RSA key for PS256', { clientPrivateKey: { key: RSA.privateKey, algorithm: 'PS256', keyId: 'k' } }],
    ['a key of a curve', { clientPrivateKey: { key: EC.privateKey, algorithm: 'ES256' } }],
    ['a key instead of a secret', { clientPrivateKey: { key: RSA.privateKey }, verification: introspection() }],
    ['a resource', { tokenParameters: { resource: 'https://api.example', audience: 'a' } }],
    ['the tokens of Cognito', { verification: jwt({ audience: false, typ: false, tokenUse: 'access' }) }],
    ['the client id as audience', { verification: jwt({ audience: 'c', typ: false, tokenUse: 'access' }) }],
  ])('takes %s', (_name, change) => {
    expect(faultsOf(() => oauth2({ ...good, ...change }))).toBe('');
  });

  it('never quotes a private key', () => {
    const key = RSA.privateKey.replace('BEGIN PRIVATE', 'BEGIN SECRET');
    expect(faultsOf(() => oauth2({ ...good, clientPrivateKey: { key } }))).not.toContain(key.slice(40, 80));
  });

  it('reports all faults at once and no value', () => {
    const message = faultsOf(() =>
      oauth2({ ...good, clientId: '', name: 'secret name', issuer: 'http://secret.example' }),
    );
    expect(message).toMatch(/^oauth2\(\): /);
    expect(message.split(';')).toHaveLength(3);
    expect(message).not.toContain('secret');
  });

  it.each([
    ['authgear', () => authgear({ endpoint: 'invalid_response', clientId: 'c' })],
    ['authgear', () => authgear({ endpoint: undefined as never, clientId: 'c' })],
    ['wgtwo', () => wgtwo({ clientId: 'c', clientSecret: '' })],
    ['wgtwo', () => wgtwo({ clientId: 'c', clientSecret: undefined as never })],
    ['sami', () => sami({ clientId: 'c', clientSecret: 's', tokenInfoUrl: 'invalid_response' })],
    ['authgear', () => authgear({ endpoint: 'https://a.example', clientId: 'c', verification: 'resolve' as never })],
    ...[true, {}, { parameter: 5 }, { parameter: 'token', to: 'x' }].map(
      (revokeAccessTokens): [string, () => unknown] => [
        'sami',
        () =>
          sami({
            clientId: 'c',
            clientSecret: 's',
            tokenInfoUrl: 'https://api.example/tokenInfo',
            revokeAccessTokens: revokeAccessTokens as never,
          }),
      ],
    ),
  ])('of %s are judged in its name', (name, define) => {
    expect(faultsOf(define)).toMatch(new RegExp(`^${name}\\(\\): `));
  });

  it.each([
    ['authgear', () => authgear({ endpoint: 'https://a.example/', clientId: 'c' })],
    [
      'authgear',
      () => authgear({ endpoint: 'https://a.example', clientId: 'c', clientPrivateKey: { key: RSA.privateKey } }),
    ],
    ['wgtwo', () => wgtwo({ clientId: 'c', clientSecret: 's', redirectUri: 'https://game.example/cb' })],
    ['sami', () => sami({ clientId: 'c', clientSecret: 's', tokenInfoUrl: 'https://api.example/tokenInfo' })],
  ])('of %s need no more than its page names', (name, define) => {
    expect(define().name).toBe(name);
  });
});
