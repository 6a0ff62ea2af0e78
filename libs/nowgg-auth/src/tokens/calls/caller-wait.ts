import type { NowggClock } from '../../clock.js';
import { IdentityUnavailableError } from '../../errors.js';
import type { Deadlines } from '../../resilience/deadlines.js';

/** The wait of one caller: until the deadline or until the caller gives up. The work continues without the caller. */
export class CallerWait {
  readonly #clock: NowggClock;
  readonly #deadlines: Deadlines;
  readonly #signal: AbortSignal | undefined;
  readonly #deadline: number;

  constructor({ clock, deadlines }: { clock: NowggClock; deadlines: Deadlines }, ms: number, signal?: AbortSignal) {
    this.#clock = clock;
    this.#deadlines = deadlines;
    this.#signal = signal;
    this.#deadline = clock.monotonicNow() + ms;
  }

  get leftMs(): number {
    return Math.max(0, this.#deadline - this.#clock.monotonicNow());
  }

  /** @throws IdentityUnavailableError at the deadline, the signal's reason when it aborts */
  async for<T>(work: Promise<T>): Promise<T> {
    const signal = this.#signal;
    let leave: () => void = () => undefined;
    const left = new Promise<never>((_, reject) => {
      const giveUp = () => reject(signal?.reason as Error);
      const callOff = this.#deadlines.set(this.#deadline, () => reject(new IdentityUnavailableError()));
      if (signal?.aborted) giveUp();
      signal?.addEventListener('abort', giveUp, { once: true });
      leave = () => {
        callOff();
        signal?.removeEventListener('abort', giveUp);
      };
    });
    try {
      // The race also handles a rejection of the work after the caller has left.
      return await Promise.race([work, left]);
    } finally {
      leave();
    }
  }
}
