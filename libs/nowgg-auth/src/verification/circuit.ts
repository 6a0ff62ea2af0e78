import type { NowggClock } from '../clock.js';

export interface CircuitOptions {
  /** Failures in a row that open the circuit. */
  readonly openAfter: number;
  /** First pause, milliseconds; doubles with each failed probe. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** How long one probe keeps the others out at most, milliseconds. */
  readonly probeMs: number;
}

const CLOSED = Number.NEGATIVE_INFINITY;

/**
 * Spares a system that does not answer. Opens after so many failures in a row, or at once when told how long to wait;
 * then one probe at a time, until an answer closes it. On the module's clock, so that it can be tested by moving time.
 */
export class Circuit {
  readonly #clock: NowggClock;
  readonly #options: CircuitOptions;
  #failures = 0;
  #pauseMs = 0;
  #openUntil = CLOSED;
  #probeUntil = CLOSED;

  constructor(clock: NowggClock, options: CircuitOptions) {
    this.#clock = clock;
    this.#options = options;
  }

  /**
   * Asks to be let through. While the circuit is open, the first one after the pause is let through as the only probe.
   *
   * @returns 0 for yes, else the milliseconds until it is worth asking again
   */
  enter(): number {
    if (this.#openUntil === CLOSED) return 0;
    const now = this.#clock.monotonicNow();
    const waitMs = Math.max(this.#openUntil, this.#probeUntil) - now;
    if (waitMs > 0) return waitMs;
    this.#probeUntil = now + this.#options.probeMs;
    return 0;
  }

  /** There was an answer, whatever it said. */
  answered(): void {
    this.#failures = 0;
    this.#pauseMs = 0;
    this.#openUntil = CLOSED;
    this.#probeUntil = CLOSED;
  }

  /** There was none. */
  failed(): void {
    this.#failures += 1;
    if (this.#failures < this.#options.openAfter && this.#openUntil === CLOSED) return;
    this.#pauseMs = Math.min(Math.max(this.#pauseMs * 2, this.#options.firstPauseMs), this.#options.longestPauseMs);
    this.#open(this.#pauseMs);
  }

  /** We were told to stay away for so long. */
  holdOff(ms: number): void {
    this.#open(ms);
  }

  #open(ms: number): void {
    this.#openUntil = this.#clock.monotonicNow() + ms;
    this.#probeUntil = CLOSED;
  }
}
