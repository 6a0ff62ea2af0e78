import type { IncomingMessage } from 'node:http';

/**
 * Parts of the library that are not public API: taken from its built files, to show where the time of a guard call is
 * spent.
 */
export interface Internals {
  readonly tokenDigest: (token: string) => string;
  readonly cacheKey: (scope: object, digest: string) => string;
  readonly readCredential: (request: IncomingMessage) => unknown;
  readonly principalOf: (facts: object) => unknown;
  /** Facts of the form that the cache holds. */
  readonly facts: object;
}

/** @throws Error when a part has moved: adapt this file. */
export async function loadInternals(): Promise<Internals> {
  const files = ['identity/token-text.js', 'verification/cache/verdict-cache.js', 'http/credential.js', 'principal.js'];
  const [{ tokenDigest }, { cacheKey }, { readCredential }, { principalOf }] = (await Promise.all(
    files.map((file) => importBuilt(file)),
  )) as [
    Pick<Internals, 'tokenDigest'>,
    Pick<Internals, 'cacheKey'>,
    Pick<Internals, 'readCredential'>,
    Pick<Internals, 'principalOf'>,
  ];
  return { tokenDigest, cacheKey, readCredential, principalOf, facts };
}

function importBuilt(file: string): Promise<unknown> {
  return import(new URL(file, import.meta.resolve('nestjs-nowgg-auth')).href);
}

const facts = Object.freeze({
  provider: 'nowgg',
  clientKey: 'k'.repeat(43),
  tokenType: 'token',
  userId: '5d0f1a0e-7b1c-4a35-9d0e-2f4a5f6f7a8b',
  issuer: 'https://now.gg',
  scopes: Object.freeze(['email', 'profile']),
  expiresAtMs: 1_900_000_000_000,
  issuedAtMs: 1_800_000_000_000,
  authTimeMs: undefined,
  subject: undefined,
  sessionId: 'c0a8012a-1f5e-4d4b-8f0a-0a1b2c3d4e5f',
  tokenId: '9a8b7c6d-5e4f-4321-8fed-cba987654321',
  email: undefined,
  mobile: undefined,
  name: undefined,
  picture: undefined,
  countryCode: undefined,
  claims: Object.freeze({}),
});
