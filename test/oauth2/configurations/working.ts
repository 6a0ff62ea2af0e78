import { introspection, jwt, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { API, clientKey, type Configuration, OPAQUE, systemKey } from './configuration.js';

const algorithms = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'].map((alg): Configuration => {
  const jwa = { idTokenSigningAlgValues: [alg] };
  return {
    name: `JWT access tokens and id_tokens with ${alg}`,
    system: { jwks: { keys: [systemKey(alg)] }, enabledJWA: jwa },
    api: { jwt: { sign: { alg } } },
    client: { id_token_signed_response_alg: alg },
    options: { idTokenAlgorithm: alg, verification: jwt({ audience: API, algorithms: [alg] }) },
  };
});

const rsa = clientKey('RS256');
const ec = clientKey('ES256', 'game-key');
const ed = clientKey('EdDSA');
const signedBy = (key: typeof rsa, algorithm: string) => ({
  client: {
    client_secret: undefined,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: algorithm,
    jwks: { keys: [key.jwk] },
  },
  system: {
    enabledJWA: { clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] },
  },
  options: { clientSecret: undefined as never, clientPrivateKey: { key: key.pem, algorithm } },
});

const parameters: readonly (readonly [string, Record<string, string>])[] = [
  ['prompt=login', { prompt: 'login' }],
  ['max_age', { max_age: '3600' }],
  ['login_hint and ui_locales', { login_hint: 'player-1', ui_locales: 'sv en' }],
  ['display', { display: 'touch' }],
];

const opaque = { features: OPAQUE };
const byIntrospection = { ...opaque, options: { verification: introspection() } };

/** With these a player signs in, is recognised, is refreshed twice and signs out. */
export const WORKING: readonly Configuration[] = [
  ...algorithms,
  { name: 'Fastify', platform: 'fastify' },
  { name: 'opaque access tokens, introspection()', ...byIntrospection },
  { name: 'opaque access tokens, userinfo()', ...opaque, options: { verification: userinfo() } },
  {
    name: 'opaque access tokens, one method for each format',
    ...opaque,
    options: { verification: { jwt: jwt({ audience: API }), opaque: introspection() } },
  },
  {
    name: 'JWT access tokens, one method for each format',
    options: { verification: { jwt: jwt({ audience: API }), opaque: introspection() } },
  },
  {
    name: 'opaque access tokens for the API, introspection() with the audience',
    api: { accessTokenFormat: 'opaque' },
    options: { verification: introspection({ audience: API }) },
  },
  {
    name: 'introspection answers by JWT are offered too',
    features: { ...OPAQUE, jwtIntrospection: { enabled: true } },
    options: { verification: introspection() },
  },
  {
    name: 'introspection answers by JWT for those who ask for one',
    features: { ...OPAQUE, jwtIntrospection: { enabled: true } },
    client: { introspection_signed_response_alg: 'RS256' },
    options: { verification: introspection() },
  },
  {
    name: 'userinfo by JWT is offered too',
    features: { ...OPAQUE, jwtUserinfo: { enabled: true } },
    options: { verification: userinfo() },
  },
  { name: 'client_secret_basic', client: { token_endpoint_auth_method: 'client_secret_basic' } },
  {
    name: 'client_secret_post',
    client: { token_endpoint_auth_method: 'client_secret_post' },
    options: { clientAuthentication: 'post' },
  },
  {
    name: 'a public client',
    client: {
      client_secret: undefined,
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
    },
    options: { clientSecret: undefined as never },
  },
  {
    name: 'client_secret_jwt',
    client: { token_endpoint_auth_method: 'client_secret_jwt' },
    options: { clientAuthentication: 'client_secret_jwt' },
  },
  { name: 'private_key_jwt with RSA', ...signedBy(rsa, 'RS256') },
  { name: 'private_key_jwt with PS256', ...signedBy({ ...rsa, jwk: { ...rsa.jwk, alg: 'PS256' } }, 'PS256') },
  {
    name: 'private_key_jwt with an elliptic curve and a key id',
    ...signedBy(ec, 'ES256'),
    options: {
      clientSecret: undefined as never,
      clientPrivateKey: { key: ec.pem, algorithm: 'ES256', keyId: 'game-key' },
    },
  },
  { name: 'private_key_jwt with EdDSA', ...signedBy({ ...ed, jwk: { ...ed.jwk, alg: 'Ed25519' } }, 'Ed25519') },
  {
    name: 'private_key_jwt and introspection()',
    ...opaque,
    ...signedBy(rsa, 'RS256'),
    options: { ...signedBy(rsa, 'RS256').options, verification: introspection() },
  },
  { name: 'refresh tokens rotate', system: { rotateRefreshToken: true } },
  { name: 'refresh tokens do not rotate', system: { rotateRefreshToken: false } },
  { name: 'an issuer with a path', shape: { path: '/tenant' } },
  { name: 'an issuer with a path and a slash', shape: { path: '/tenant', trailingSlash: true } },
  { name: 'an issuer with a slash', shape: { trailingSlash: true } },
  {
    name: 'pairwise subjects',
    client: { subject_type: 'pairwise' },
    system: {
      subjectTypes: ['pairwise'],
      pairwiseIdentifier: (_context: unknown, accountId: string) => `pairwise-${accountId}`,
    },
  },
  ...parameters.map(
    ([what, authorizationParameters]): Configuration => ({
      name: `the parameter ${what}`,
      options: { authorizationParameters },
    }),
  ),
  {
    name: 'acr_values',
    system: { acrValues: ['silver'] },
    options: { authorizationParameters: { acr_values: 'silver' } },
  },
  {
    name: 'a resource in the authorization request, which the identity system keeps',
    options: { authorizationParameters: { resource: API } },
  },
  {
    name: 'a resource that each token request must name',
    features: { resourceIndicators: resourceAtEachRequest() },
    options: { authorizationParameters: { resource: API }, tokenParameters: { resource: API } },
  },
  { name: 'pushed authorization requests, required by the identity system', ...pushed(true) },
  {
    name: 'pushed authorization requests, required for the client',
    ...pushed(false),
    client: { require_pushed_authorization_requests: true },
    options: { pushedAuthorizationRequests: true },
  },
  {
    name: 'pushed authorization requests with private_key_jwt',
    ...signedBy(rsa, 'RS256'),
    ...pushed(true),
  },
  { name: 'pushed authorization requests, offered and not used', ...pushed(false) },
  { name: 'DPoP, offered and not used', features: { dPoP: { enabled: true } } },
  { name: 'form_post and JWT responses, offered and not used', features: { jwtResponseModes: { enabled: true } } },
  { name: 'signed request objects, offered and not used', features: { requestObjects: { enabled: true } } },
  {
    name: 'back-channel logout',
    features: { backchannelLogout: { enabled: true } },
    client: { backchannel_logout_session_required: true },
  },
  { name: 'a session id in the access token', system: { extraTokenClaims: () => ({ sid: 'session-1' }) } },
  { name: 'no issuer parameter in the callback', system: { responseParameters: undefined } },
  {
    name: 'OAuth 2.0 without OpenID Connect',
    ...byIntrospection,
    options: { verification: introspection(), scopes: ['read', 'offline_access'] },
  },
];

/** The same, except that the grant ends with its access token. */
export const WORKING_WITHOUT_REFRESH: readonly Configuration[] = [
  {
    name: 'no refresh token, because offline_access is not granted',
    system: { issueRefreshToken: async () => false },
    options: { refresh: 'optional' },
  },
  {
    name: 'no refresh token, because the client may not have one',
    system: { issueRefreshToken: undefined },
    client: { grant_types: ['authorization_code'] },
    options: { refresh: 'optional', scopes: ['openid'] },
  },
];

function pushed(required: boolean): Pick<Configuration, 'features'> {
  return { features: { pushedAuthorizationRequests: { enabled: true, requirePushedAuthorizationRequests: required } } };
}

function resourceAtEachRequest() {
  return {
    enabled: true,
    useGrantedResource: () => false,
    getResourceServerInfo: () => ({
      scope: 'openid offline_access read',
      audience: API,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'RS256' } },
    }),
  };
}
