import type { NowggClock } from '../clock.js';
import { IdentityUnavailableError } from '../errors.js';

/** Ends a wait that nobody looks at any more; one object, because an abort without a reason makes an error with a stack. */
const OVER = new Error('the wait is over');

/** How long one caller waits: until his deadline or until he gives up. Work that he waits for goes on without him. */
export class CallerWait {
  readonly #clock: NowggClock;
  readonly #signal: AbortSignal | undefined;
  readonly #deadline: number;

  constructor(clock: NowggClock, ms: number, signal?: AbortSignal) {
    this.#clock = clock;
    this.#signal = signal;
    this.#deadline = clock.monotonicNow() + ms;
  }

  get leftMs(): number {
    return Math.max(0, this.#deadline - this.#clock.monotonicNow());
  }

  /** @throws IdentityUnavailableError at the deadline, the signal's reason when it aborts */
  async for<T>(work: Promise<T>): Promise<T> {
    const done = new AbortController();
    const giveUp = () => done.abort(this.#signal?.reason);
    if (this.#signal?.aborted) giveUp();
    this.#signal?.addEventListener('abort', giveUp, { once: true });
    try {
      return await Promise.race([work, this.#over(done.signal)]);
    } finally {
      this.#signal?.removeEventListener('abort', giveUp);
      done.abort(OVER);
      // Nobody may be left to hear that it failed.
      work.catch(() => undefined);
    }
  }

  async #over(signal: AbortSignal): Promise<never> {
    await this.#clock.wait(this.leftMs, signal);
    throw new IdentityUnavailableError();
  }
}
