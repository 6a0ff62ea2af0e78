import { channel } from 'node:diagnostics_channel';

/**
 * What came of a refresh, or of a call that asked for one.
 * - `refreshed`: this process asked and stored the new tokens. `stored_late`: the same, after every caller had left.
 * - `adopted`: somebody else was faster. `held_timeout`: somebody else was at it for too long.
 * - `busy`, `not_sent`, `in_doubt`, `client_refused`: the call failed and says nothing about the grant.
 * - `circuit_open`, `backing_off`: not asked, because an earlier call failed a moment ago.
 * - `overloaded`: not asked, because as many refreshes as `maxRefreshesInFlight` were under way for too long.
 * - `refused`: the grant was refused, which does not end it yet. `suspect`: not asked, because of an earlier refusal,
 *   or the reply belongs to another user.
 * - `needs_reauth`: the grant was refused for good. `ended`: it was over before.
 * - `failed`: our own store or configuration failed.
 */
export type RefreshOutcome =
  | 'refreshed'
  | 'stored_late'
  | 'adopted'
  | 'held_timeout'
  | 'busy'
  | 'not_sent'
  | 'in_doubt'
  | 'client_refused'
  | 'circuit_open'
  | 'backing_off'
  | 'overloaded'
  | 'refused'
  | 'suspect'
  | 'needs_reauth'
  | 'ended'
  | 'failed';

/** Something that happened to a grant. Carries no token, code or secret. */
export type NowggTokenEvent =
  | {
      readonly type: 'refresh';
      readonly provider: string;
      readonly grantId: string;
      readonly outcome: RefreshOutcome;
      /** From the first statement to the end, milliseconds. */
      readonly durationMs: number;
      /** The part of it until the lease was had, or was clearly not to be had or needed. Absent when it was not asked for. */
      readonly leaseWaitMs?: number;
      /** The part of it at the token endpoint, repetitions included. Absent when that was not asked. */
      readonly callMs?: number;
      /** The part of it from the reply until it was stored. Absent when there was no token set. */
      readonly commitMs?: number;
    }
  /**
   * A token set that was received could not be stored at the first try. `held`: this process keeps it and tries again.
   * `saved`: it is stored now. `abandoned`: the process was told to end first.
   */
  | {
      readonly type: 'pending_write';
      readonly provider: string;
      /** Undefined for the reply to a code, which has no grant yet. */
      readonly grantId: string | undefined;
      readonly state: 'held' | 'saved' | 'abandoned';
      /** How long this process has had it, milliseconds. */
      readonly heldMs: number;
      /** How many sets this process has that are not stored, this one included while it is. */
      readonly pendingWrites: number;
    }
  /** A ciphertext did not open; the row was kept as it is. */
  | {
      readonly type: 'unreadable_ciphertext';
      readonly provider: string;
      readonly grantId: string | undefined;
      readonly fault: 'malformed' | 'unknown_key' | 'tampered';
    };

/** A caller got the stored access token without waiting. One for each such call, and so on a channel of its own. */
export interface NowggTokenReadEvent {
  readonly provider: string;
  readonly grantId: string;
  /** `advisory`: near enough to its end that it is refreshed in the background. */
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
