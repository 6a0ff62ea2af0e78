import type { NowggClock } from '../clock.js';
import { Deadlines } from '../resilience/deadlines.js';
import type { ResolvedWebSocketsOptions } from './options.js';

/** Limits the number and the time of handshakes without a verdict. */
export class PendingHandshakes {
  readonly #clock: NowggClock;
  readonly #deadlines: Deadlines;
  readonly #options: ResolvedWebSocketsOptions;
  #count = 0;

  constructor(clock: NowggClock, options: ResolvedWebSocketsOptions) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock);
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#count >= this.#options.maxPendingHandshakes;
  }

  /**
   * Counts a handshake until it ends.
   *
   * @param onTooLong called at its deadline; must not throw
   * @returns a function that ends it; further calls have no effect
   */
  begin(onTooLong: () => void): () => void {
    this.#count += 1;
    let isOver = false;
    const end = () => {
      if (!isOver) this.#count -= 1;
      isOver = true;
      cancel();
    };
    const cancel = this.after(this.#options.handshakeTimeoutMs, () => {
      end();
      onTooLong();
    });
    return end;
  }

  /** Calls a function after a time; it must not throw. Returns a function that cancels the call. */
  after(ms: number, call: () => void): () => void {
    return this.#deadlines.set(this.#clock.monotonicNow() + ms, call);
  }
}
