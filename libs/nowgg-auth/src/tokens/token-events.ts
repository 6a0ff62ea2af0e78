import { channel } from 'node:diagnostics_channel';

/**
 * What came of a refresh, or of a call that asked for one.
 * - `refreshed`: this process asked and stored the new tokens. `harvested`: the same, after every caller had left.
 * - `adopted`: somebody else was faster. `held_timeout`: somebody else was at it for too long.
 * - `busy`, `not_sent`, `in_doubt`, `client_refused`: the call failed and says nothing about the grant.
 * - `circuit_open`, `backing_off`: not asked, because an earlier call failed a moment ago.
 * - `suspect`, `needs_reauth`: the grant was refused. `ended`: it was over before.
 */
export type RefreshOutcome =
  | 'refreshed'
  | 'harvested'
  | 'adopted'
  | 'held_timeout'
  | 'busy'
  | 'not_sent'
  | 'in_doubt'
  | 'client_refused'
  | 'circuit_open'
  | 'backing_off'
  | 'suspect'
  | 'needs_reauth'
  | 'ended';

/** Something that happened to a grant. Carries no token, code or secret. */
export type NowggTokenEvent =
  | {
      readonly type: 'refresh';
      readonly provider: string;
      readonly grantId: string;
      readonly outcome: RefreshOutcome;
      /** From the first statement to the end, milliseconds. */
      readonly durationMs: number;
    }
  /** A ciphertext did not open; the row was kept as it is. */
  | {
      readonly type: 'unreadable_ciphertext';
      readonly provider: string;
      readonly grantId: string | undefined;
      readonly fault: 'malformed' | 'unknown_key' | 'tampered';
    };

/** Name of the `node:diagnostics_channel` on which {@link NowggTokenEvent} objects are published. */
export const NOWGG_TOKEN_CHANNEL = 'nestjs-nowgg-auth:tokens';

const tokenChannel = channel(NOWGG_TOKEN_CHANNEL);

export function publishTokenEvent(event: NowggTokenEvent): void {
  if (tokenChannel.hasSubscribers) tokenChannel.publish(event);
}
