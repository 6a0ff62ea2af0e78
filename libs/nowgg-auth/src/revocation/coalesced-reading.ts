import type { NowggClock } from '../clock.js';

/**
 * Readings of one source: one at a time, and at most one in `everyMs`. Calls that come too early share the next
 * reading, so that no call is lost and a flood of calls costs no more than a steady rate.
 */
export class CoalescedReading {
  readonly #clock: NowggClock;
  readonly #everyMs: number;
  readonly #read: () => Promise<void>;
  readonly #signal: AbortSignal;
  #startedAt = Number.NEGATIVE_INFINITY;
  #underway: Promise<void> | undefined;
  /** A reading that has not begun. */
  #next: Promise<void> | undefined;

  /** @param read must not reject */
  constructor(clock: NowggClock, everyMs: number, signal: AbortSignal, read: () => Promise<void>) {
    this.#clock = clock;
    this.#everyMs = everyMs;
    this.#signal = signal;
    this.#read = read;
  }

  get isUnderway(): boolean {
    return this.#underway !== undefined;
  }

  /** Resolves at the end of a reading that begins after this call. */
  request(): Promise<void> {
    this.#next ??= this.#whenDue();
    return this.#next;
  }

  /** Waits for the readings under way, after the signal was aborted. */
  async end(): Promise<void> {
    await this.#next;
    await this.#underway;
  }

  async #whenDue(): Promise<void> {
    await this.#underway;
    try {
      const waitMs = this.#startedAt + this.#everyMs - this.#clock.monotonicNow();
      if (waitMs > 0) await this.#clock.wait(waitMs, this.#signal);
    } catch {
      // Closed meanwhile.
    }
    this.#next = undefined;
    if (this.#signal.aborted) return;
    this.#startedAt = this.#clock.monotonicNow();
    this.#underway = this.#read().finally(() => {
      this.#underway = undefined;
    });
    await this.#underway;
  }
}
