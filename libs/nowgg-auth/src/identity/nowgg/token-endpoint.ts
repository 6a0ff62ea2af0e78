import { LAST_DATE_MS } from '../../clock.js';
import { isJsonObject, ownProperty } from '../claims.js';
import type { IdentityHttpOutcome, IdentityHttpRequest } from '../identity-http.js';
import type { TokenOutcome } from '../identity-provider.js';
import { isTokenText } from '../token-text.js';
import { readEnvelope } from './envelope.js';
import type { NowggClient } from './verify-token.js';

/** A smaller number is not a recent time; a number above the next constant is in milliseconds. */
const EARLIEST_EPOCH_SECONDS = 1e9;
const EARLIEST_EPOCH_MILLISECONDS = 1e11;

/** The credential to exchange for a token set: a one-time code or a refresh token. */
export type NowggCredential = { readonly code: string } | { readonly refreshToken: string };

/** `POST /accounts/oauth2/v1/token`. Not idempotent: a code works once, and a refresh token may rotate. */
export function tokenRequest(
  client: NowggClient & { readonly clientSecret: string },
  credential: NowggCredential,
  signal: AbortSignal,
): IdentityHttpRequest {
  return {
    purpose: 'code' in credential ? 'code' : 'refresh',
    method: 'POST',
    url: `${client.baseUrl}/accounts/oauth2/v1/token`,
    json: {
      client_id: client.clientId,
      client_secret: client.clientSecret,
      ...('code' in credential
        ? { grant_type: 'code', code: credential.code, token_type: 'refresh_token token' }
        : { grant_type: 'refresh_token', refresh_token: credential.refreshToken, token_type: 'token' }),
    },
    signal,
    idempotent: false,
  };
}

/**
 * Reads the result of the call. A success without required fields is `in_doubt`: it may have been carried out.
 * @param nowMs time of the reply, in epoch milliseconds
 */
export function readTokenReply(credential: NowggCredential, outcome: IdentityHttpOutcome, nowMs: number): TokenOutcome {
  if (outcome.status === 'failed') {
    return { status: outcome.sent === 'no' ? 'not_sent' : 'in_doubt', reason: outcome.reason };
  }
  if (outcome.statusCode === 429 || (outcome.statusCode === 503 && isJsonObject(outcome.json))) {
    return { status: 'busy', retryAfterMs: outcome.retryAfterMs };
  }
  const reading = readEnvelope(outcome, 'REFRESH_TOKEN TOKEN');
  if (reading.kind === 'unknown') return { status: 'in_doubt', reason: reading.reason };
  // now.gg publishes no failure codes for this endpoint, so none of its refusals is final for the grant.
  if (reading.kind === 'refusal') return { status: 'refused', code: publicCode(reading.code), isFinal: false };
  return readTokenSet(credential, reading.body, nowMs) ?? { status: 'in_doubt', reason: 'invalid_response' };
}

function readTokenSet(
  credential: NowggCredential,
  body: Readonly<Record<string, unknown>>,
  nowMs: number,
): TokenOutcome | undefined {
  const accessToken = ownProperty(body, 'token');
  const refreshToken = ownProperty(body, 'refresh_token') ?? undefined;
  const accessTokenExpiresAtMs = readExpiry(ownProperty(body, 'token_expiry'));
  const refreshTokenExpiresAtMs = readRefreshExpiry(ownProperty(body, 'refresh_token_expiry'), nowMs);
  if (!isTokenText(accessToken)) return undefined;
  if (refreshToken === undefined ? 'code' in credential : !isTokenText(refreshToken)) return undefined;
  if (accessTokenExpiresAtMs === 'unreadable') return undefined;
  const tokens = {
    accessToken,
    accessTokenExpiresAtMs,
    refreshToken: refreshToken as string | undefined,
    refreshTokenExpiresAtMs,
  };
  return { status: 'tokens', tokens };
}

/** The code of a refusal in a form that may be stored: an upper-case constant, never a secret that the body echoes. */
function publicCode(code: string): string {
  return /^[A-Z][A-Z_ ]{2,63}$/.test(code) ? code : 'UNRECOGNISED';
}

/** `unreadable`: the value is not an expiry. `undefined`: there is no value, or it says nothing certain. */
type Expiry = number | undefined | 'unreadable';

/** Dates without a zone may be in any: the readings differ by this much from UTC at most. */
const UNKNOWN_ZONE_MS = 86_400_000;

/** An ISO or RFC date that ends in a zone, or is a whole day, which is in UTC by definition. */
const HAS_ZONE = /(?:Z|[+-]\d\d:?\d\d|GMT|UTC?)$|^\d{4}-\d{2}-\d{2}$/i;

/**
 * Reads `token_expiry`, whose format now.gg does not state: an ISO or RFC date, epoch seconds or epoch milliseconds, as
 * string or number. Dates without a zone are in UTC. Small numbers (perhaps a lifetime) and zero say nothing certain and
 * count as absent.
 *
 * @returns epoch milliseconds
 */
export function readExpiry(value: unknown): Expiry {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return readEpoch(value);
  if (typeof value !== 'string') return 'unreadable';
  const text = value.trim();
  if (/^\d{1,16}$/.test(text)) return readEpoch(Number(text));
  // `Date.parse` accepts almost any text with a digit; a real date starts with a year or a weekday.
  if (!/^(?:\d{4}-\d{2}-\d{2}|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b)/.test(text)) return 'unreadable';
  const at = Date.parse(HAS_ZONE.test(text) ? text : `${text}Z`);
  return Number.isNaN(at) ? 'unreadable' : at;
}

/**
 * Reads `refresh_token_expiry`, in the same formats. It only helps to judge a refusal, so a value that cannot be read or
 * is not in the future counts as absent, and a date without a zone is taken for the latest time that it may mean.
 *
 * @returns epoch milliseconds
 */
export function readRefreshExpiry(value: unknown, nowMs: number): number | undefined {
  const at = readExpiry(value);
  if (at === undefined || at === 'unreadable') return undefined;
  const isCertain =
    typeof value === 'number' || /^\s*\d+\s*$/.test(String(value)) || HAS_ZONE.test(String(value).trim());
  const latest = isCertain ? at : at + UNKNOWN_ZONE_MS;
  return latest > nowMs ? latest : undefined;
}

function readEpoch(value: number): Expiry {
  if (!Number.isFinite(value) || value < 0) return 'unreadable';
  if (value < EARLIEST_EPOCH_SECONDS) return undefined;
  const ms = value > EARLIEST_EPOCH_MILLISECONDS ? value : value * 1000;
  return ms <= LAST_DATE_MS ? ms : 'unreadable';
}
