import { jwt, userinfo } from 'nestjs-nowgg-auth/oauth2';
import { generateKeyPairSync } from 'node:crypto';
import { API, clientKey, type Configuration, OPAQUE, systemKey } from './configuration.js';

/** A configuration that no option makes work, or options that do not fit, and the words that name the cause. */
export interface RefusedConfiguration extends Configuration {
  /** In the error of the sign-in, which has status 500 unless `status` says otherwise. */
  readonly cause: RegExp;
  /** In the security event. Default {@link cause}. */
  readonly event?: RegExp;
  readonly status?: 400;
  /** Number of sign-ins until the cause is known. Default 1. */
  readonly attempts?: number;
}

const encryption = {
  ...generateKeyPairSync('rsa', { modulusLength: 2_048 }).publicKey.export({ format: 'jwk' }),
  use: 'enc',
};
const key = clientKey('RS256');

const withKey = {
  client: {
    client_secret: undefined,
    token_endpoint_auth_method: 'private_key_jwt',
    token_endpoint_auth_signing_alg: 'RS256',
    jwks: { keys: [key.jwk] },
  },
};

export const REFUSED: readonly RefusedConfiguration[] = [
  { name: 'a wrong client secret', options: { clientSecret: 'wrong' }, cause: /clientSecret/ },
  {
    name: 'a client that must sign assertions, with a secret',
    ...withKey,
    cause: /clientAuthentication/,
  },
  {
    name: 'a client that must sign assertions, with another key',
    ...withKey,
    options: { clientSecret: undefined as never, clientPrivateKey: { key: clientKey('RS256').pem } },
    cause: /clientAuthentication/,
  },
  {
    name: 'id_tokens with another algorithm',
    system: {
      jwks: { keys: [systemKey('RS256'), systemKey('ES256')] },
      enabledJWA: { idTokenSigningAlgValues: ['ES256', 'RS256'] },
    },
    client: { id_token_signed_response_alg: 'ES256' },
    cause: /idTokenAlgorithm/,
  },
  {
    name: 'id_tokens with HS256',
    system: { enabledJWA: { idTokenSigningAlgValues: ['HS256', 'RS256'] } },
    client: { id_token_signed_response_alg: 'HS256' },
    cause: /idTokenAlgorithm/,
  },
  {
    name: 'encrypted id_tokens',
    features: { encryption: { enabled: true } },
    client: {
      id_token_encrypted_response_alg: 'RSA-OAEP',
      id_token_encrypted_response_enc: 'A128CBC-HS256',
      jwks: { keys: [encryption] },
    },
    cause: /id_token_encrypted_response_alg/,
  },
  {
    name: 'access tokens with another algorithm',
    system: { jwks: { keys: [systemKey('RS256'), systemKey('ES256')] } },
    api: { jwt: { sign: { alg: 'ES256' } } },
    cause: /jwt algorithms/,
  },
  { name: 'access tokens for another audience', api: { audience: 'https://other.example' }, cause: /jwt audience/ },
  {
    name: 'encrypted access tokens',
    features: { encryption: { enabled: true } },
    api: {
      jwt: { sign: { alg: 'RS256' }, encrypt: { alg: 'dir', enc: 'A128CBC-HS256', key: Buffer.alloc(32, 7) } },
    },
    cause: /encrypted/,
  },
  { name: 'opaque access tokens, jwt()', features: OPAQUE, cause: /not JWTs/ },
  { name: 'access tokens for an API, userinfo()', options: { verification: userinfo() }, cause: /userinfo\(\)/ },
  {
    name: 'tokens bound to a key',
    features: { dPoP: { enabled: true } },
    client: { dpop_bound_access_tokens: true },
    cause: /code was refused/,
    event: /DPoP/,
    status: 400,
    attempts: 3,
  },
  {
    name: 'signed request objects, required by the identity system',
    features: { requestObjects: { enabled: true, requireSignedRequestObject: true } },
    cause: /signed request objects/,
  },
  {
    name: 'pushed authorization requests, required for the client and not sent',
    features: { pushedAuthorizationRequests: { enabled: true } },
    client: { require_pushed_authorization_requests: true },
    cause: /did not sign the player in/,
    event: /pushedAuthorizationRequests/,
    status: 400,
  },
  {
    name: 'userinfo by JWT only',
    features: { ...OPAQUE, jwtUserinfo: { enabled: true } },
    client: { userinfo_signed_response_alg: 'RS256' },
    options: { verification: userinfo() },
    cause: /misconfigured_provider/,
    event: /userinfo_signed_response_alg/,
  },
  {
    name: 'no refresh token, although one is required',
    system: { issueRefreshToken: async () => false },
    cause: /offline_access/,
    event: /^$/,
  },
  {
    name: 'tokens of another type',
    options: { verification: jwt({ audience: API, typ: 'other+jwt' }) },
    cause: /jwt typ/,
  },
];
