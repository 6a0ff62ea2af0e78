import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import type { IdentityProviderDefinition } from 'nestjs-nowgg-auth';
import { jwt, oauth2, type OAuth2ProviderOptions } from 'nestjs-nowgg-auth/oauth2';
import { CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, type SystemShape } from '../support/identity-system.js';

/** The identifier of the game's API at the identity system. */
export const API = 'https://api.game.example';

/** One configuration of oidc-provider, and the options of the game for it. */
export interface Configuration {
  readonly name: string;
  /** Beside the defaults below. */
  readonly system?: Readonly<Record<string, unknown>>;
  readonly features?: Readonly<Record<string, unknown>>;
  /** What the API's access tokens are. Default JWTs with RS256. */
  readonly api?: Readonly<Record<string, unknown>>;
  readonly client?: Readonly<Record<string, unknown>>;
  readonly shape?: Pick<SystemShape, 'path' | 'trailingSlash'>;
  readonly options?: Partial<OAuth2ProviderOptions>;
  readonly platform?: 'fastify';
}

/** A private key of the game, and its public part as the identity system knows it. */
export interface ClientKey {
  readonly pem: string;
  readonly jwk: Readonly<Record<string, unknown>>;
}

export function clientKey(algorithm: 'RS256' | 'ES256' | 'EdDSA', kid?: string): ClientKey {
  const { privateKey, publicKey } = keyPair(algorithm);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { pem, jwk: { ...publicKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig', ...(kid && { kid }) } };
}

/** A signing key of the identity system. */
export function systemKey(algorithm: string): Readonly<Record<string, unknown>> {
  const { privateKey } = keyPair(algorithm);
  return { ...privateKey.export({ format: 'jwk' }), kid: `key-${algorithm}`, alg: algorithm, use: 'sig' };
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

function keyPair(algorithm: string): { privateKey: KeyObject; publicKey: KeyObject } {
  const namedCurve = CURVES[algorithm];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  return algorithm === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: 2_048 });
}

/** Access tokens that are not for the API: userinfo and introspection know them. */
export const OPAQUE = { resourceIndicators: { enabled: false } };

export function shapeOf({ system, features, api, client, shape }: Configuration): SystemShape {
  return {
    ...shape,
    client: { token_endpoint_auth_method: 'client_secret_basic', ...client },
    configuration: () => ({
      scopes: ['openid', 'offline_access', 'read'],
      claims: { openid: ['sub'], email: ['email'] },
      enabledJWA: undefined,
      ...system,
      features: {
        devInteractions: { enabled: false },
        revocation: { enabled: true },
        introspection: { enabled: true },
        clientCredentials: { enabled: true },
        rpInitiatedLogout: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => API,
          useGrantedResource: () => true,
          getResourceServerInfo: () => ({
            scope: 'openid offline_access read',
            audience: API,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: 'RS256' } },
            ...api,
          }),
        },
        ...features,
      },
    }),
  };
}

export function providerFor(issuer: string, { options }: Configuration): IdentityProviderDefinition {
  return oauth2({
    name: 'web',
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    redirectUri: REDIRECT_URI,
    postLogoutRedirectUri: 'https://game.example/bye',
    verification: jwt({ audience: API }),
    ...options,
  });
}
