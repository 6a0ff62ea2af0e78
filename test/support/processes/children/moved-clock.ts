import { SystemClock } from '../../../../libs/nowgg-auth/src/clock.js';

interface Wait {
  readonly dueAt: number;
  readonly end: () => void;
}

/** Shorter waits only space out what a message has caused. */
const HELD_FROM_MS = 1_000;

/** The machine's clock, which the owner of the process can push forward. Waits end when it gets there, too. */
export class MovedClock extends SystemClock {
  readonly #holdWaits: boolean;
  readonly #waits = new Set<Wait>();
  #aheadMs = 0;

  /** @param holdWaits a wait of a second or more, as of a poll, ends only when it is pushed over its end */
  constructor(holdWaits: boolean) {
    super();
    this.#holdWaits = holdWaits;
  }

  step(ms: number): void {
    this.#aheadMs += ms;
    const now = this.monotonicNow();
    for (const { dueAt, end } of this.#waits) if (dueAt <= now) end();
  }

  override now(): number {
    return super.now() + this.#aheadMs;
  }

  override monotonicNow(): number {
    return super.monotonicNow() + this.#aheadMs;
  }

  override async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const pushed = new AbortController();
    const wait = { dueAt: this.monotonicNow() + ms, end: () => pushed.abort() };
    this.#waits.add(wait);
    try {
      const over = signal ? AbortSignal.any([signal, pushed.signal]) : pushed.signal;
      await super.wait(this.#holdWaits && ms >= HELD_FROM_MS ? 2 ** 31 - 1 : ms, over);
    } catch {
      signal?.throwIfAborted();
    } finally {
      this.#waits.delete(wait);
    }
  }
}
