import type { RefreshOutcome } from './token-events.js';

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
