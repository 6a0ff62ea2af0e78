import type { GrantRecord } from '../store/grant-record.js';
import type { RefreshOutcome } from '../events/token-events.js';

/** The result of a refresh. A fault of the store or the configuration is thrown. */
export type RefreshResult =
  /** A newer generation is stored. Has its access token in plain text if this process has just received it. */
  | {
      readonly status: 'fresh';
      readonly grant: GrantRecord;
      readonly accessToken?: string;
      readonly outcome: RefreshOutcome;
    }
  /** The grant is revoked, dead or gone. */
  | { readonly status: 'ended'; readonly outcome: RefreshOutcome }
  /** No refresh is possible now. */
  | { readonly status: 'later'; readonly retryInMs: number; readonly outcome: RefreshOutcome }
  /** No refresh now, for a reason that does not bind a caller that waits: ask again. */
  | { readonly status: 'yielded' };

/** Durations of the parts of a refresh, in milliseconds; set as it proceeds. */
export interface RefreshTimes {
  leaseWaitMs?: number;
  callMs?: number;
  commitMs?: number;
}
