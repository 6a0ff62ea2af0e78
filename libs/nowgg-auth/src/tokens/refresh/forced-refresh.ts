import { FIRST_GENERATION, type GrantRecord } from '../store/grant-record.js';

/** The decision about a refresh that a caller requests before the token expires. */
export type ForcedRefresh =
  | { readonly action: 'refresh' }
  /** The stored token is younger than the age at which the caller may ask to replace it. */
  | { readonly action: 'serve' }
  /** The last attempt failed a moment ago and said nothing about the grant. */
  | { readonly action: 'wait'; readonly retryInMs: number };

/** Maximum difference between two times that one statement writes, in milliseconds. */
const SAME_WRITE_MS = 10;

/**
 * Limits forced refreshes to one within `minAgeMs`, across all processes, by the times in the row. A new grant's first
 * token may be replaced at once, an expired token always. A suspect grant has its own schedule.
 */
export function judgeForcedRefresh(grant: GrantRecord, minAgeMs: number): ForcedRefresh {
  const now = grant.readAtMs;
  const { accessTokenExpiresAtMs, accessObtainedAtMs, generation, state, updatedAtMs } = grant;
  if (accessTokenExpiresAtMs !== undefined && accessTokenExpiresAtMs <= now) return { action: 'refresh' };
  if (generation > FIRST_GENERATION && now - accessObtainedAtMs < minAgeMs) return { action: 'serve' };
  const isTaken = (grant.leaseUntilMs ?? 0) > now;
  const triedSince = updatedAtMs - accessObtainedAtMs > SAME_WRITE_MS;
  const retryInMs = minAgeMs - (now - updatedAtMs);
  if (state === 'active' && !isTaken && triedSince && retryInMs > 0) return { action: 'wait', retryInMs };
  return { action: 'refresh' };
}
