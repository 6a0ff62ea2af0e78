import type { StoredClient } from './vault-record.js';

/** Which grants of a client are close to the end of their refresh token. */
export interface LapsingGrants {
  readonly client: StoredClient;
  /** Life of a refresh token that is not used, in milliseconds; undefined when only a stated expiry counts. */
  readonly idleMs: number | undefined;
  /** Whether that life counts from the expiry of the access token. Otherwise it counts from the last refresh. */
  readonly sinceAccessExpiry: boolean;
}

/** Share of the life of a refresh token, before its end, in which a grant is close to it. */
export const EARLIEST_SHARE = 0.048;
/** The latest such share in which it should be renewed. */
export const LATEST_SHARE = 0.02;
/**
 * The earliest such share of a grant that was never refreshed. It is long, and each grant has a place of its own in it, so
 * that the grants of a launch day do not lapse together ever after.
 */
export const FIRST_SHARE = 0.5;

/** The shortest life of a refresh token that is considered, in milliseconds. */
export const SHORTEST_LIFE_MS = 24 * 3_600_000;
