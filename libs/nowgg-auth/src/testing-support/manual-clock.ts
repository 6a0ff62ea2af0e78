import { NowggClock } from '../clock.js';

interface Waiter {
  readonly dueMs: number;
  resolve(): void;
}

/** A clock that stands still until a test moves it. */
export class ManualClock extends NowggClock {
  #wallMs: number;
  #monotonicMs = 1_000;
  #waiters: Waiter[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    super();
    this.#wallMs = startMs;
  }

  override now(): number {
    return this.#wallMs;
  }

  override monotonicNow(): number {
    return this.#monotonicMs;
  }

  override async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const onAbort = () => reject(signal?.reason as Error);
      signal?.addEventListener('abort', onAbort, { once: true });
      const wake = () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      };
      this.#waiters.push({ dueMs: this.#monotonicMs + ms, resolve: wake });
    });
  }

  /** Lets time pass on both clocks and wakes who waited for it. */
  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
    const due = this.#waiters.filter((waiter) => waiter.dueMs <= this.#monotonicMs);
    this.#waiters = this.#waiters.filter((waiter) => waiter.dueMs > this.#monotonicMs);
    for (const waiter of due) waiter.resolve();
  }

  /** Steps the wall clock alone, as an operator or NTP would. */
  stepWallClock(ms: number): void {
    this.#wallMs += ms;
  }
}
