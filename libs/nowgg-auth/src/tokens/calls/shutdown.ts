import { setMaxListeners } from 'node:events';
import type { NowggClock } from '../../clock.js';

/** Part of the grace period that remains, at most, for writing down that calls were given up, in milliseconds. */
const LAST_WRITES_MS = 1_000;

/**
 * The end of this process: calls and writes in progress have a limited time, which is counted once from the first call
 * of {@link wait}.
 */
export class Shutdown {
  readonly #clock: NowggClock;
  readonly #graceMs: number;
  readonly #givenUp = new AbortController();
  #endsAt: number | undefined;

  constructor(clock: NowggClock, graceMs: number) {
    this.#clock = clock;
    this.#graceMs = graceMs;
    // Each call and each write in progress listens.
    setMaxListeners(0, this.#givenUp.signal);
  }

  /** Aborts when calls and writes in progress are given up. */
  get givenUp(): AbortSignal {
    return this.#givenUp.signal;
  }

  /** Waits until the work has ended, and gives it up shortly before the grace period ends. */
  async wait(work: Promise<unknown>): Promise<void> {
    const endsAt = (this.#endsAt ??= this.#clock.monotonicNow() + this.#graceMs);
    const lastWritesMs = Math.min(LAST_WRITES_MS, this.#graceMs / 10);
    if (await this.#endsBefore(endsAt - lastWritesMs, work)) return;
    this.#givenUp.abort();
    await this.#endsBefore(endsAt, work);
  }

  /** @param time monotonic, in milliseconds */
  async #endsBefore(time: number, work: Promise<unknown>): Promise<boolean> {
    const ended = new AbortController();
    // The clock's timers do not keep a process alive, and nothing else may do so for an unsaved token set.
    const keepAlive = setInterval(() => undefined, 1_000);
    const timeIsUp = this.#clock.wait(Math.max(0, time - this.#clock.monotonicNow()), ended.signal).then(() => false);
    try {
      return await Promise.race([work.then(() => true), timeIsUp]);
    } finally {
      ended.abort();
      clearInterval(keepAlive);
    }
  }
}
