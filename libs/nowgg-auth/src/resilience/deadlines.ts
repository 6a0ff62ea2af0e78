import { type NowggClock, SystemClock } from '../clock.js';
import { IdentityUnavailableError } from '../errors.js';

interface Deadline {
  readonly at: number;
  readonly over: () => void;
}

/**
 * Calls that happen at a set time unless they are cancelled before. Nearly all are cancelled: so all share one wait of
 * the clock, and no timer or abort signal is created for each caller and each call.
 */
export class Deadlines {
  readonly #clock: NowggClock;
  readonly #pending = new Set<Deadline>();
  #wakesAt = Infinity;

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /**
   * Calls `over` at this time; it must not throw.
   * @param at monotonic time, milliseconds
   * @returns a function that cancels the call
   */
  set(at: number, over: () => void): () => void {
    const deadline = { at, over };
    this.#pending.add(deadline);
    if (at < this.#wakesAt) void this.#wakeAt(at);
    return () => void this.#pending.delete(deadline);
  }

  async #wakeAt(at: number): Promise<void> {
    this.#wakesAt = at;
    await this.#clock.wait(Math.max(0, at - this.#clock.monotonicNow()));
    // An earlier deadline was set in between, and has handled the rest since.
    if (this.#wakesAt !== at) return;
    this.#wakesAt = Infinity;
    let next = Infinity;
    const now = this.#clock.monotonicNow();
    for (const deadline of this.#pending) {
      if (deadline.at > now) {
        next = Math.min(next, deadline.at);
        continue;
      }
      this.#pending.delete(deadline);
      deadline.over();
    }
    if (next < this.#wakesAt) void this.#wakeAt(next);
  }
}

/** The deadline of one call. */
interface CallDeadline {
  /** Aborts at the deadline. */
  readonly signal: AbortSignal;
  /** Cancels the deadline, because the call has ended. */
  readonly end: () => void;
}

/** On real time, whatever clock the application gave the module: the network does not follow that clock. */
const callDeadlines = new Deadlines(new SystemClock());

/**
 * Starts the deadline of a call. Costs a fraction of `AbortSignal.timeout`, whose timer outlives the call.
 * @param ms time from now, milliseconds
 */
export function deadlineOfCall(ms: number): CallDeadline {
  const controller = new AbortController();
  const over = () => controller.abort(new DOMException('the call took too long', 'TimeoutError'));
  return { signal: controller.signal, end: callDeadlines.set(performance.now() + ms, over) };
}

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
