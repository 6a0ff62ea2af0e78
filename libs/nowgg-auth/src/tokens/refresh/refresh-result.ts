import type { GrantRecord } from '../store/grant-record.js';
import type { RefreshOutcome } from '../events/token-events.js';

/** What a refresh came to. A fault of the store or the configuration is thrown. */
export type RefreshResult =
  /** A newer generation is stored. With its access token in clear if this process has just received it. */
  | {
      readonly status: 'fresh';
      readonly grant: GrantRecord;
      readonly accessToken?: string;
      readonly outcome: RefreshOutcome;
    }
  /** Revoked, dead or gone. */
  | { readonly status: 'ended'; readonly outcome: RefreshOutcome }
  /** Not now. */
  | { readonly status: 'later'; readonly retryInMs: number; readonly outcome: RefreshOutcome }
  /** Not now, for a reason that does not bind a caller who waits: ask again. */
  | { readonly status: 'yielded' };

/** How long the parts of a refresh took, milliseconds; entered on the way. */
export interface RefreshTimes {
  leaseWaitMs?: number;
  callMs?: number;
  commitMs?: number;
}
