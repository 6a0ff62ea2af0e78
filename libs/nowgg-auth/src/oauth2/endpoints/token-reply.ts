import type { TokenEndpointResponse } from 'openid-client';
import { isJsonObject, ownProperty, readTimeClaim } from '../../identity/claims.js';
import { readIdTokenClaims } from '../../identity/id-token-claims.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { readScopes, type ScopeSeparator } from '../../identity/scopes.js';
import { isTokenText } from '../../identity/token-text.js';
import { MISCONFIGURATIONS } from './misconfiguration.js';
import type { IdentityCall } from './identity-call.js';

/** The client itself is refused or has no permission for the request: this says nothing about any grant. */
const CLIENT_CODES = new Set(['invalid_client', 'unauthorized_client']);
/** The identity system wants a proof of possession (RFC 9449 section 5). */
const BOUND_CODES = new Set(['invalid_dpop_proof', 'use_dpop_nonce']);
const BUSY_CODES = new Set(['temporarily_unavailable', 'server_error', 'slow_down']);

/** Limits of what is stored of a reply's scopes: the rest of an absurd list is not granted. */
const MOST_SCOPES = 200;
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

/** The conditions under which a reply is read. */
interface ReplyContext {
  /** Time of the request, epoch milliseconds. */
  readonly sentAtMs: number;
  readonly scopeSeparator: ScopeSeparator;
  /** The claims of its id_token, which the library has verified. */
  readonly idToken?: object | undefined;
}

/** Reads a token set from a reply that the library accepted. */
export function readTokens(reply: TokenEndpointResponse, context: ReplyContext): TokenOutcome {
  const { sentAtMs, scopeSeparator } = context;
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, token_type: type } = reply;
  const areTokens = isTokenText(accessToken) && (refreshToken === undefined || isTokenText(refreshToken));
  if (type !== 'bearer' || !areTokens || (expiresIn !== undefined && !Number.isFinite(expiresIn))) {
    return { status: 'in_doubt', reason: 'invalid_response' };
  }
  const accessTokenExpiresAtMs = expiresIn === undefined ? undefined : sentAtMs + expiresIn * 1000;
  const refreshTokenExpiresAtMs = refreshToken === undefined ? undefined : refreshExpiry(reply, sentAtMs);
  const scopes = grantedScopes(reply.scope, scopeSeparator);
  const idToken = context.idToken && readIdTokenClaims(context.idToken);
  return {
    status: 'tokens',
    tokens: {
      accessToken,
      accessTokenExpiresAtMs,
      refreshToken,
      refreshTokenExpiresAtMs,
      ...(scopes && { scopes }),
      ...(idToken && { subject: idToken.sub, idToken }),
    },
  };
}

/** The scopes that a reply states; undefined when it states none. Items that are not scope tokens are left out. */
function grantedScopes(scope: unknown, separator: ScopeSeparator): readonly string[] | undefined {
  if (typeof scope !== 'string') return undefined;
  const stated = readScopes(scope, separator).filter((item) => SCOPE.test(item));
  return Object.freeze([...new Set(stated)].slice(0, MOST_SCOPES));
}

/**
 * Expiry of the refresh token, under the names that Keycloak and GitHub use. Not standardised, so that anything but a
 * positive number of seconds is unknown; zero is Keycloak's "never".
 */
function refreshExpiry(reply: TokenEndpointResponse, sentAtMs: number): number | undefined {
  const stated = ownProperty(reply, 'refresh_expires_in') ?? ownProperty(reply, 'refresh_token_expires_in');
  const seconds = typeof stated === 'string' && /^\d{1,12}$/.test(stated) ? Number(stated) : stated;
  if (typeof seconds !== 'number' || !(seconds > 0)) return undefined;
  return readTimeClaim(sentAtMs / 1000 + seconds);
}

/**
 * Reads the outcome of a call to the token endpoint without a token set from the HTTP exchange. Undefined for a reply
 * with a success status whose content was not accepted.
 */
export function readTokenFailure(call: IdentityCall): Exclude<TokenOutcome, { status: 'tokens' }> | undefined {
  const { outcome } = call;
  if (!outcome) return { status: 'not_sent', reason: 'invalid_response' };
  if (outcome.status === 'failed') {
    return { status: outcome.sent === 'no' ? 'not_sent' : 'in_doubt', reason: outcome.reason };
  }
  const { statusCode, json, retryAfterMs } = outcome;
  if (statusCode === 429 || (statusCode === 503 && isJsonObject(json))) return { status: 'busy', retryAfterMs };
  const failure = call.failure();
  if (failure) return { status: 'in_doubt', reason: failure.reason };
  return statusCode < 400 ? undefined : readErrorCode(ownProperty(json, 'error'), statusCode, retryAfterMs);
}

function readErrorCode(
  code: unknown,
  statusCode: number,
  retryAfterMs: number | undefined,
): Exclude<TokenOutcome, { status: 'tokens' }> {
  // RFC 6749 section 5.2: the grant, of any type, is invalid, and this is final.
  if (code === 'invalid_grant') return { status: 'refused', code, isFinal: true };
  if (typeof code === 'string' && BUSY_CODES.has(code)) return { status: 'busy', retryAfterMs };
  if (typeof code === 'string' && BOUND_CODES.has(code)) {
    return { status: 'misconfigured', detail: MISCONFIGURATIONS.boundTokens };
  }
  if (statusCode === 401 || (typeof code === 'string' && CLIENT_CODES.has(code))) return { status: 'client_refused' };
  return typeof code === 'string' && code !== ''
    ? { status: 'refused', code: publicCode(code), isFinal: false }
    : { status: 'in_doubt', reason: 'invalid_response' };
}

/** A code in a form that may be stored, never a secret that an error body echoes. */
function publicCode(code: string): string {
  return /^[a-z][a-z_]{2,63}$/.test(code) ? code : 'unrecognised';
}
