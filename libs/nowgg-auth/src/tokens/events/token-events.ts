import { channel } from 'node:diagnostics_channel';
import { EventChannel } from '../../events/event-channel.js';
import { textOf } from '../../events/event-texts.js';
import { type LogNote, noteInLog } from '../../events/log-notes.js';

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

/**
 * Outcome of an exchange of an authorization code.
 * - `succeeded`: a new grant. `repeated`: the code had been exchanged before, and its grant was returned.
 * - `refused`: the identity system refused the code, or the token that it gave for it; or the proof of the new session's key
 *   had been used.
 * - `unavailable`: the identity system did not answer, or the code was not sent; the same code may be sent again.
 * - `store_unavailable`: the application's own database did not answer.
 * - `misconfigured`: the identity system refuses this client, or the options do not fit it.
 * - `banned`: the player is banned.
 * - `rejected`: the application's `onSignIn` hook refused the sign-in, or failed; or the player has as many sessions as
 *   are allowed.
 */
export type ExchangeOutcome =
  | 'succeeded'
  | 'repeated'
  | 'refused'
  | 'unavailable'
  | 'store_unavailable'
  | 'misconfigured'
  | 'banned'
  | 'rejected';

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
  | {
      /** A sign-in: the exchange of a code, whether or not it brought a grant. */
      readonly type: 'exchange';
      readonly provider: string;
      readonly outcome: ExchangeOutcome;
      /**
       * The token endpoint's answer, such as `refused`, `client_refused` or `in_doubt: timeout`. Absent when the code was
       * not sent.
       */
      readonly answer?: string | undefined;
      readonly durationMs: number;
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

export const tokenChannel = new EventChannel<NowggTokenEvent>(NOWGG_TOKEN_CHANNEL);
const readChannel = channel(NOWGG_TOKEN_READ_CHANNEL);

export function publishTokenEvent(event: NowggTokenEvent): void {
  tokenChannel.publish(event);
  const note = noteOf(event);
  if (note) noteInLog(() => note);
}

/** The line for an event that an operator should look at. */
function noteOf(event: NowggTokenEvent): LogNote | undefined {
  const about = `provider ${event.provider}`;
  switch (event.type) {
    case 'exchange': {
      const { outcome, answer = 'not sent', provider } = event;
      if (outcome === 'succeeded' || outcome === 'repeated') return undefined;
      return {
        kind: `sign_in_failed ${provider} ${outcome} ${answer}`,
        // Anybody may send a code that is not one.
        level: outcome === 'refused' || outcome === 'rejected' || outcome === 'banned' ? 'log' : 'warn',
        text: textOf('sign_in_failed', SIGN_IN_MEANINGS[outcome], [about, `code ${answer}`]),
      };
    }
    case 'unreadable_ciphertext':
      return {
        kind: `unreadable_ciphertext ${event.provider} ${event.fault}`,
        level: 'warn',
        text: textOf('unreadable_ciphertext', UNREADABLE_MEANINGS[event.fault], [about]),
      };
    case 'pending_write':
      if (event.state !== 'abandoned') return undefined;
      return {
        kind: 'abandoned_tokens',
        level: 'error',
        text: textOf('abandoned_tokens', 'the process ended before received tokens could be stored', [about]),
      };
    default:
      return undefined;
  }
}

const SIGN_IN_MEANINGS: Readonly<Record<Exclude<ExchangeOutcome, 'succeeded' | 'repeated'>, string>> = {
  refused: 'a code or its token was refused',
  unavailable: 'a code could not be exchanged now; it may be sent again',
  store_unavailable: 'the database did not answer during a sign-in',
  misconfigured: 'the identity system refuses this client, or the options do not fit it: no player can sign in',
  banned: 'a banned player tried to sign in',
  rejected: 'the onSignIn hook refused a sign-in or failed, or a player has as many sessions as are allowed',
};

const UNREADABLE_MEANINGS = {
  malformed: 'a stored token is not in a known format',
  unknown_key:
    'a stored token is encrypted under a key that is not in tokens.encryptionKeys: add it, or wait for its roll-out',
  tampered: 'a stored token or its row was changed',
} as const;

export function publishTokenRead(provider: string, grantId: string, zone: NowggTokenReadEvent['zone']): void {
  if (readChannel.hasSubscribers) readChannel.publish({ provider, grantId, zone } satisfies NowggTokenReadEvent);
}

/** Upper bounds of the buckets of {@link DurationCounts}, in milliseconds; longer durations are in one last bucket. */
export const DURATION_BOUNDS_MS: readonly number[] = Object.freeze([
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000,
]);

/** Counts of durations, in buckets. */
export interface DurationCounts {
  readonly count: number;
  readonly totalMs: number;
  readonly longestMs: number;
  /**
   * Number of durations up to each bound of `DURATION_BOUNDS_MS` and above the bound before, and one more number for
   * longer durations.
   */
  readonly buckets: readonly number[];
}

/** Counters of a `NowggTokenService` since it was created. Sums of this process; none of them names a grant. */
export interface NowggTokenCounters {
  /**
   * `fresh`: a caller got the stored token without waiting. All others: one for each refresh, however many callers
   * waited.
   */
  readonly outcomes: Readonly<Record<'fresh' | RefreshOutcome, number>>;
  /**
   * Time from the first statement of a refresh until the lease was acquired, or was clearly unavailable or not needed.
   */
  readonly leaseWait: DurationCounts;
  /**
   * Time from a reply of the token endpoint until it was stored, while only this process had it. Includes exchanges.
   */
  readonly commitWindow: DurationCounts;
  /** Token sets that were received and are not stored yet. */
  readonly pendingWrites: number;
  /** Token sets that were not stored at the first try, so far. */
  readonly delayedWrites: number;
  /** Token sets that this process gave up because it was told to end while its store was unavailable. */
  readonly abandonedWrites: number;
}

const NO_OUTCOMES: Readonly<Record<'fresh' | RefreshOutcome, number>> = {
  fresh: 0,
  refreshed: 0,
  stored_late: 0,
  adopted: 0,
  held: 0,
  busy: 0,
  not_sent: 0,
  in_doubt: 0,
  client_refused: 0,
  circuit_open: 0,
  backing_off: 0,
  overloaded: 0,
  refused: 0,
  needs_reauth: 0,
  ended: 0,
  failed: 0,
};

/** Counts durations into buckets. */
export class Durations {
  readonly #buckets = Array.from({ length: DURATION_BOUNDS_MS.length + 1 }, () => 0);
  #totalMs = 0;
  #longestMs = 0;

  observe(ms: number): void {
    const bound = DURATION_BOUNDS_MS.findIndex((upTo) => ms <= upTo);
    const bucket = bound === -1 ? DURATION_BOUNDS_MS.length : bound;
    this.#buckets[bucket] = (this.#buckets[bucket] ?? 0) + 1;
    this.#totalMs += ms;
    this.#longestMs = Math.max(this.#longestMs, ms);
  }

  read(): DurationCounts {
    const buckets = [...this.#buckets];
    const count = buckets.reduce((sum, inBucket) => sum + inBucket, 0);
    return { count, totalMs: this.#totalMs, longestMs: this.#longestMs, buckets };
  }
}

/** Counters that are kept even without a subscriber to the events. */
export class TokenCounters {
  readonly #outcomes = { ...NO_OUTCOMES };
  readonly leaseWait = new Durations();
  readonly commitWindow = new Durations();
  pendingWrites = 0;
  delayedWrites = 0;
  abandonedWrites = 0;

  count(outcome: 'fresh' | RefreshOutcome): void {
    this.#outcomes[outcome] += 1;
  }

  read(): NowggTokenCounters {
    const { pendingWrites, delayedWrites, abandonedWrites } = this;
    return {
      outcomes: { ...this.#outcomes },
      leaseWait: this.leaseWait.read(),
      commitWindow: this.commitWindow.read(),
      pendingWrites,
      delayedWrites,
      abandonedWrites,
    };
  }
}
