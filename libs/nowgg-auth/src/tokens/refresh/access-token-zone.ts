import { FIRST_GENERATION, type GrantRecord } from '../store/grant-record.js';
import type { TokensTiming } from '../calls/refresh-timing.js';

/**
 * Zone of an access token's life, which decides how a read answers.
 * - `fresh`: return the token.
 * - `advisory`: return the token, and refresh in the background.
 * - `mandatory`: wait for the refresh, and return the stored token if it fails.
 * - `expired`: wait for the refresh.
 */
export type AccessTokenZone = 'fresh' | 'advisory' | 'mandatory' | 'expired';

/**
 * The largest share of a token's life that a caller can ask for; a larger one is never met and would always refresh.
 */
const LARGEST_SHARE = 0.9;

/** The validity that a caller requires of a token; both conditions apply. */
export interface LeastValidity {
  /** Minimum time left, in milliseconds. */
  readonly minValidityMs?: number | undefined;
  /** Minimum share of the token's life left, 0 to 0.9. */
  readonly minLifeShare?: number | undefined;
}

/** Returns the zone of a grant's access token. A token of unknown expiry is `expired`: it is refreshed at each use. */
export function accessTokenZone(
  grant: GrantRecord,
  timing: Pick<TokensTiming, 'refreshMarginMs' | 'mandatoryMs'>,
  least: LeastValidity = {},
  nowMs = grant.readAtMs,
): AccessTokenZone {
  if (grant.accessTokenExpiresAtMs === undefined) return 'expired';
  const leftMs = grant.accessTokenExpiresAtMs - nowMs;
  if (leftMs <= 0) return 'expired';
  const lifeMs = Math.max(0, grant.accessTokenExpiresAtMs - grant.accessObtainedAtMs);
  const jitter = jitterOf(grant.id);
  const mandatoryMs = Math.min(timing.mandatoryMs, lifeMs / 4) * jitter;
  const leastMs = Math.max(least.minValidityMs ?? 0, (least.minLifeShare ?? 0) * lifeMs);
  if (leftMs <= mandatoryMs || leftMs < Math.min(leastMs, lifeMs * LARGEST_SHARE)) return 'mandatory';
  const advisoryMs = Math.min(Math.max(timing.refreshMarginMs, lifeMs / 10) * jitter, lifeMs / 2);
  return leftMs <= advisoryMs ? 'advisory' : 'fresh';
}

/** Factor of 0.8 to 1.2, equal in every process: spreads the refreshes of grants that were made together. */
function jitterOf(grantId: string): number {
  // The last digits of a random UUID are as good as a hash.
  return 0.8 + 0.4 * (Number.parseInt(grantId.slice(-8), 16) / 0x1_0000_0000);
}

/** The stored token is younger than the age at which the caller may ask to replace it. */
export interface YoungToken {
  readonly action: 'serve';
  /** Time until the caller may ask to replace it, in milliseconds. */
  readonly youngForMs: number;
}

/** The decision about a refresh that a caller requests before the token expires. */
export type ForcedRefresh =
  | { readonly action: 'refresh' }
  | YoungToken
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
  const youngForMs = minAgeMs - (now - accessObtainedAtMs);
  if (generation > FIRST_GENERATION && youngForMs > 0) return { action: 'serve', youngForMs };
  const isTaken = (grant.leaseUntilMs ?? 0) > now;
  const triedSince = updatedAtMs - accessObtainedAtMs > SAME_WRITE_MS;
  const retryInMs = minAgeMs - (now - updatedAtMs);
  if (state === 'active' && !isTaken && triedSince && retryInMs > 0) return { action: 'wait', retryInMs };
  return { action: 'refresh' };
}
