import {
  type CryptoKey,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose';
import { isIdentifier, isJsonObject, ownProperty, readTimeClaim } from '../../identity/claims.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { MAX_TOKEN_LENGTH } from '../../identity/token-text.js';
import { isCanonicalJws } from '../../identity/unverified-jws.js';
import { isOfTheKey, normalType } from '../endpoints/jws-checks.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';

/** The check that a logout token failed. */
export type LogoutTokenFault = 'form' | 'header' | 'signature' | 'claims' | 'issuer' | 'audience' | 'time';

/** What a verified logout token says. */
export interface LogoutToken {
  /** `sub`; at least one of both is there. */
  readonly userId: string | undefined;
  /** `sid`. */
  readonly sessionId: string | undefined;
  /** `iat`, epoch milliseconds. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** `jti`. */
  readonly id: string;
}

/** The result of a verification. `unknown`: the keys or the metadata are not available. */
export type LogoutTokenVerdict =
  | { readonly status: 'valid'; readonly token: LogoutToken }
  | { readonly status: 'refused'; readonly fault: LogoutTokenFault }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** An `iat` further ahead is wrong, not a clock that is a little fast. */
const MOST_AHEAD_MS = 300_000;
/** `typ` of a logout token. Systems from before its registration write `JWT` or nothing. */
const TYPES: readonly unknown[] = [undefined, 'jwt', 'logout+jwt'];

/**
 * Verifies a logout token (OpenID Connect Back-Channel Logout 1.0 section 2.6): signature by a key of the issuer with the
 * algorithm of its id_tokens, `iss`, `aud`, `iat`, `exp`, `jti`, `events`, `sub` or `sid`, and no `nonce`.
 */
export async function verifyLogoutToken(
  client: OAuth2Client,
  token: unknown,
  signal: AbortSignal,
): Promise<LogoutTokenVerdict> {
  if (typeof token !== 'string' || token.length > MAX_TOKEN_LENGTH || !isCanonicalJws(token)) return refused('form');
  const header = readHeader(token);
  if (!header) return refused('form');
  if (!isLogoutHeader(header, client.settings.idTokenAlgorithm)) return refused('header');
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return { ...metadata, status: 'unknown' };
  const { issuer } = metadata.value;
  const trial = async (keys: readonly CryptoKey[]) => tryEach(client, token, issuer, keys, header.kid !== undefined);
  const search = await client.keys.findAll('token', header, signal, trial);
  if (search.status === 'found') return search.value;
  return search.status === 'none' ? refused('signature') : search;
}

function readHeader(token: string): ProtectedHeaderParameters | undefined {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

function isLogoutHeader({ alg, kid, crit, typ }: ProtectedHeaderParameters, algorithm: string): boolean {
  if (alg !== algorithm || crit !== undefined || (kid !== undefined && typeof kid !== 'string')) return false;
  return TYPES.includes(typeof typ === 'string' ? normalType(typ) : typ);
}

/** The verdict with the key that signed the token. Undefined when none did, but a newer key may have. */
async function tryEach(
  client: OAuth2Client,
  token: string,
  issuer: string,
  keys: readonly CryptoKey[],
  namesKey: boolean,
): Promise<LogoutTokenVerdict | undefined> {
  for (const key of keys) {
    try {
      // The signature, `exp` and `nbf`: the other claims are checked below.
      const { payload } = await jwtVerify(token, key, {
        algorithms: [client.settings.idTokenAlgorithm],
        currentDate: new Date(client.clock.now()),
        clockTolerance: client.clockSkewMs / 1000,
      });
      return judge(client, payload, issuer);
    } catch (error) {
      if (!isOfTheKey(error)) return refused(error instanceof errors.JWTExpired ? 'time' : 'claims');
    }
  }
  return namesKey ? refused('signature') : undefined;
}

function judge({ settings, clock }: OAuth2Client, claims: JWTPayload, issuer: string): LogoutTokenVerdict {
  const { iss, aud } = claims;
  if (iss !== issuer) return refused('issuer');
  const audience: unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audience.includes(settings.clientId)) return refused('audience');
  // An id_token or an access token must never be taken for a logout token: it has no such event, or a nonce.
  const isEvent = isJsonObject(ownProperty(ownProperty(claims, 'events'), EVENT));
  if (!isEvent || Object.hasOwn(claims, 'nonce')) return refused('claims');
  const [userId, sessionId, id] = ['sub', 'sid', 'jti'].map((name) => ownProperty(claims, name));
  if (!isIdentifier(id) || !isOptional(userId) || !isOptional(sessionId)) return refused('claims');
  if (userId === undefined && sessionId === undefined) return refused('claims');
  const issuedAtMs = numericDate(claims.iat);
  const expiresAtMs = numericDate(claims.exp);
  if (issuedAtMs === undefined || expiresAtMs === undefined) return refused('claims');
  if (issuedAtMs > clock.now() + MOST_AHEAD_MS) return refused('time');
  return { status: 'valid', token: { userId, sessionId, issuedAtMs, expiresAtMs, id } };
}

function isOptional(value: unknown): value is string | undefined {
  return value === undefined || isIdentifier(value);
}

function numericDate(value: unknown): number | undefined {
  return typeof value === 'number' ? readTimeClaim(value) : undefined;
}

function refused(fault: LogoutTokenFault): LogoutTokenVerdict {
  return { status: 'refused', fault };
}
