import type { GrantRecord } from '../store/grant-record.js';
import type { RefreshOutcome } from '../events/token-events.js';

/** The result of a refresh, by the outcome that is reported. A fault of the store or the configuration is thrown. */
export type RefreshResult =
  /** A newer generation is stored. Has its access token in plain text if this process has just received it. */
  | { readonly outcome: 'refreshed' | 'adopted'; readonly grant: GrantRecord; readonly accessToken?: string }
  /** The grant is revoked, dead or gone. */
  | { readonly outcome: 'needs_reauth' | 'ended' }
  | PostponedRefresh;

/** No refresh is possible now. */
export interface PostponedRefresh {
  readonly outcome: Exclude<
    RefreshOutcome,
    'refreshed' | 'stored_late' | 'adopted' | 'needs_reauth' | 'ended' | 'failed'
  >;
  readonly retryInMs: number;
  /** Whether the identity system refuses the refresh token and it is not known yet whether this is final. */
  readonly isInDoubt?: boolean;
}

/** Durations of the parts of a refresh, in milliseconds; set as it proceeds. */
export interface RefreshTimes {
  leaseWaitMs?: number;
  callMs?: number;
  commitMs?: number;
}
