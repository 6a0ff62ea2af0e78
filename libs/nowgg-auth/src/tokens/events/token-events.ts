import { channel } from 'node:diagnostics_channel';

/**
 * Outcome of a refresh, or of a call that asked for one.
 * - `refreshed`: this process made the call and stored the new tokens. `stored_late`: the same, after every caller had
 *   left.
 * - `adopted`: another attempt was faster. `held`: another attempt held the lease for too long.
 * - `busy`, `not_sent`, `in_doubt`, `client_refused`: the call failed and says nothing about the grant.
 * - `circuit_open`, `backing_off`: no call was made, because a moment ago calls of this client failed, or the call for
 *   this grant failed or was refused.
 * - `overloaded`: no call was made, because as many refreshes as `maxRefreshesInFlight` were in progress for too long.
 * - `refused`: the grant was refused, which does not end it yet, or the reply belongs to another user: it is `suspect`.
 * - `needs_reauth`: the grant was refused for good. `ended`: the grant had ended before.
 * - `failed`: the application's own store or configuration failed.
 */
export type RefreshOutcome =
  | 'refreshed'
  | 'stored_late'
  | 'adopted'
  | 'held'
  | 'busy'
  | 'not_sent'
  | 'in_doubt'
  | 'client_refused'
  | 'circuit_open'
  | 'backing_off'
  | 'overloaded'
  | 'refused'
  | 'needs_reauth'
  | 'ended'
  | 'failed';

/** An event of a grant. Carries no token, code or secret. */
export type NowggTokenEvent =
  | {
      readonly type: 'refresh';
      readonly provider: string;
      readonly grantId: string;
      readonly outcome: RefreshOutcome;
      /** Time from the first statement to the end, in milliseconds. */
      readonly durationMs: number;
      /**
       * Part of `durationMs` until the lease was acquired, or was clearly unavailable or not needed. Absent when no
       * lease was requested.
       */
      readonly leaseWaitMs?: number;
      /** Part of `durationMs` at the token endpoint, repetitions included. Absent when no call was made. */
      readonly callMs?: number;
      /** Part of `durationMs` from the reply until it was stored. Absent when there was no token set. */
      readonly commitMs?: number;
    }
  /**
   * A received token set could not be stored at the first try. `held`: this process keeps it and tries again. `saved`:
   * it is stored now. `abandoned`: the process was told to end first.
   */
  | {
      readonly type: 'pending_write';
      readonly provider: string;
      /** Undefined for the reply to a code, which has no grant yet. */
      readonly grantId: string | undefined;
      readonly state: 'held' | 'saved' | 'abandoned';
      /** Time since this process received the token set, in milliseconds. */
      readonly heldMs: number;
      /** Number of token sets that this process has not stored, including this one while it is not stored. */
      readonly pendingWrites: number;
    }
  /** A ciphertext could not be decrypted; the row was left as it is. */
  | {
      readonly type: 'unreadable_ciphertext';
      readonly provider: string;
      readonly grantId: string | undefined;
      readonly fault: 'malformed' | 'unknown_key' | 'tampered';
    };

/**
 * A caller got the stored access token without waiting. Published for each such call, and so on a channel of its own.
 */
export interface NowggTokenReadEvent {
  readonly provider: string;
  readonly grantId: string;
  /** `advisory`: so near its end that it is refreshed in the background. */
  readonly zone: 'fresh' | 'advisory';
}

/** Name of the `node:diagnostics_channel` on which {@link NowggTokenEvent} objects are published. */
export const NOWGG_TOKEN_CHANNEL = 'nestjs-nowgg-auth:tokens';

/** Name of the `node:diagnostics_channel` on which {@link NowggTokenReadEvent} objects are published. */
export const NOWGG_TOKEN_READ_CHANNEL = 'nestjs-nowgg-auth:token-reads';

const tokenChannel = channel(NOWGG_TOKEN_CHANNEL);
const readChannel = channel(NOWGG_TOKEN_READ_CHANNEL);

export function publishTokenEvent(event: NowggTokenEvent): void {
  if (tokenChannel.hasSubscribers) tokenChannel.publish(event);
}

export function publishTokenRead(provider: string, grantId: string, zone: NowggTokenReadEvent['zone']): void {
  if (readChannel.hasSubscribers) readChannel.publish({ provider, grantId, zone } satisfies NowggTokenReadEvent);
}
