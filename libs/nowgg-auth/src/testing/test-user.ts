import { SystemClock } from '../clock.js';
import { NowggConfigurationError } from '../errors.js';
import { isIdentifier } from '../identity/claims.js';
import { type NowggPrincipal, principalOf, type TokenFacts, type TokenType } from '../principal.js';
import { sealTestToken, type TestTokenContent } from './test-token.js';

/** What the token of a test user says, in addition to the user id. */
export interface TestUserOptions {
  /** The identity provider of the user. Default: the only one of the module, or the first one. */
  readonly provider?: string;
  /** Default `token`. */
  readonly tokenType?: TokenType;
  /** Granted scopes. Default none, so that a route with `@RequireScopes` answers 403. */
  readonly scopes?: readonly string[];
  /** Default: one hour from now. A time in the past makes an expired token, a 401. */
  readonly expiresAt?: Date;
  /** Default: now. */
  readonly issuedAt?: Date;
  /** Time of the sign-in, for `@NowggAuth({ maxAuthAgeMs })`. Default for an id_token: {@link issuedAt}; otherwise none. */
  readonly authTime?: Date;
  readonly sessionId?: string;
  readonly email?: string;
  readonly mobile?: string;
  readonly name?: string;
  readonly picture?: string;
  readonly countryCode?: string;
  /** `principal.claims`. Default none. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** The header with which a request is that of a test user; also the `connectionParams` or `auth` of a socket. */
export interface TestUserHeaders {
  readonly authorization: string;
  /** So that the headers fit where any header is accepted. */
  readonly [name: string]: string;
}

const HOUR_MS = 3_600_000;
const clock = new SystemClock();

/**
 * Headers of a request that is signed in as this user, for an application that `overrideNowggAuth` has prepared. The
 * token is real to the module: scopes, expiry, bans and sign-outs apply to it as to any other.
 *
 * @example
 * ```ts
 * import { asUser } from 'nestjs-nowgg-auth/testing';
 *
 * export async function inventoryOf(url: string) {
 *   const answer = await fetch(`${url}/inventory`, { headers: asUser('player-1', { scopes: ['profile'] }) });
 *   return answer.json() as Promise<unknown>;
 * }
 * ```
 */
export function asUser(userId: string, options: TestUserOptions = {}): TestUserHeaders {
  return { authorization: `Bearer ${testToken(userId, options)}` };
}

/**
 * The access token of a test user, without a scheme.
 *
 * @example
 * ```ts
 * import { testToken } from 'nestjs-nowgg-auth/testing';
 *
 * export const auth = { token: testToken('player-1') }; // the handshake of a socket
 * ```
 */
export function testToken(userId: string, options: TestUserOptions = {}): string {
  return sealTestToken('access', contentOf(userId, options));
}

/**
 * A one-time code of a test user, for `POST auth/login` and `NowggTokenService.exchangeCode`. {@link TestUserOptions} are
 * those of the access tokens that the exchange and later refreshes give.
 *
 * @example
 * ```ts
 * import { NowggTokenService } from 'nestjs-nowgg-auth';
 * import { testCode } from 'nestjs-nowgg-auth/testing';
 *
 * export async function signIn(tokens: NowggTokenService) {
 *   return tokens.exchangeCode(testCode('player-1', { scopes: ['profile'] }));
 * }
 * ```
 */
export function testCode(userId: string, options: TestUserOptions = {}): string {
  return sealTestToken('code', contentOf(userId, options));
}

/**
 * A principal for tests of classes that get one, without an application; deeply frozen like one of the guard.
 *
 * @example
 * ```ts
 * import { fakePrincipal } from 'nestjs-nowgg-auth/testing';
 *
 * export const player = fakePrincipal('player-1', { scopes: ['profile'], email: 'a@studio.example' });
 * ```
 */
export function fakePrincipal(userId = 'player-1', options: TestUserOptions = {}): NowggPrincipal {
  const { facts, provider = 'nowgg' } = contentOf(userId, options);
  return principalOf({ ...facts, provider, clientKey: 'testing' });
}

function contentOf(userId: string, options: TestUserOptions): TestTokenContent {
  if (!isIdentifier(userId)) {
    throw new NowggConfigurationError('a test user id must have 1 to 255 characters and no control characters');
  }
  const {
    provider,
    tokenType = 'token',
    scopes = [],
    expiresAt,
    issuedAt,
    authTime,
    claims = {},
    ...described
  } = options;
  const issuedAtMs = issuedAt?.getTime() ?? clock.now();
  const facts: TestTokenContent['facts'] = {
    ...described,
    tokenType,
    userId,
    issuer: 'https://now.gg',
    scopes: Object.freeze([...scopes]),
    issuedAtMs,
    expiresAtMs: expiresAt?.getTime() ?? clock.now() + HOUR_MS,
    authTimeMs: authTime?.getTime() ?? (tokenType === 'id_token' ? issuedAtMs : undefined),
    claims: Object.freeze({ ...claims }),
  } satisfies Omit<TokenFacts, 'provider' | 'clientKey'>;
  return { facts, provider };
}
