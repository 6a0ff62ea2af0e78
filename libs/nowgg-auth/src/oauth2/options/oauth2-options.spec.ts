import { describe, expect, it } from '@jest/globals';
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
    ['scopes', { scopes: ['a b'] }],
    ['scopes', { scopes: 'openid' }],
    ['scopeSeparator', { scopeSeparator: ';' }],
    ['idTokenAlgorithm', { idTokenAlgorithm: 'HS256' }],
    ['idTokenAlgorithm', { idTokenAlgorithm: 'none' }],
    ['authorizationParameters.state', { authorizationParameters: { state: 'x' } }],
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
  ])('names %s when it is at fault', (name, change) => {
    expect(faultsOf(() => oauth2({ ...good, ...change } as OAuth2ProviderOptions))).toContain(name);
  });

  it('takes good ones, plain http on this machine, and plain http anywhere when opted for', () => {
    expect(faultsOf(() => oauth2(good))).toBe('');
    expect(faultsOf(() => oauth2({ ...good, issuer: 'http://127.0.0.1:4000' }))).toBe('');
    expect(faultsOf(() => oauth2({ ...good, issuer: 'http://id.internal', allowInsecure: true }))).toBe('');
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
    ['wgtwo', () => wgtwo({ clientId: 'c', clientSecret: 's', redirectUri: 'https://game.example/cb' })],
    ['sami', () => sami({ clientId: 'c', clientSecret: 's', tokenInfoUrl: 'https://api.example/tokenInfo' })],
  ])('of %s need no more than its page names', (name, define) => {
    expect(define().name).toBe(name);
  });
});
