import type { GrantRecord } from '../store/grant-record.js';
import { FIRST_GENERATION } from '../store/new-grant-record.js';

/** What becomes of a refresh that a caller asks for before the token's end. */
export type ForcedRefresh =
  | { readonly action: 'refresh' }
  /** The stored token is younger than the caller may ask to be replaced. */
  | { readonly action: 'serve' }
  /** The last attempt failed a moment ago, without a word about the grant. */
  | { readonly action: 'wait'; readonly retryInMs: number };

/** Two times that one statement writes may differ by so much. */
const SAME_WRITE_MS = 10;

/**
 * Limits refreshes that a caller forces to one within `minAgeMs`, over all processes, by what the row tells. A new
 * grant's first token may be replaced at once, a token past its expiry always. A suspect grant has a schedule of its own.
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
