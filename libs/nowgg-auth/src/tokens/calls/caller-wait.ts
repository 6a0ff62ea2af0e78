import type { NowggClock } from '../../clock.js';
import { IdentityUnavailableError } from '../../errors.js';
import type { Deadlines } from '../../resilience/deadlines.js';

/** How long one caller waits: until his deadline or until he gives up. Work that he waits for goes on without him. */
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
      // Also hears of what becomes of the work when nobody waits for it any more.
      return await Promise.race([work, left]);
    } finally {
      leave();
    }
  }
}
