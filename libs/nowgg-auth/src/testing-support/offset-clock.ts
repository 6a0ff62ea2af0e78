import { SystemClock } from '../clock.js';

/** Shorter waits only space out what a message has caused. */
const HELD_FROM_MS = 1_000;

export interface OffsetClockOptions {
  /** Difference of the wall clock alone from the machine's, as on a machine whose clock is wrong. Default 0. */
  readonly wallClockMs?: number;
  /** A wait of a second or more, such as that of a poll, ends only when the clock is advanced past its end. */
  readonly holdWaits?: boolean;
}

/** The machine's clock plus an offset that a test can change. Advancing it also ends the waits that it passes. */
export class OffsetClock extends SystemClock {
  readonly #holdWaits: boolean;
  readonly #waits = new Set<{ readonly dueMs: number; readonly end: () => void }>();
  #aheadMs = 0;
  #wallClockMs: number;

  constructor({ wallClockMs = 0, holdWaits = false }: OffsetClockOptions = {}) {
    super();
    this.#wallClockMs = wallClockMs;
    this.#holdWaits = holdWaits;
  }

  override now(): number {
    return super.now() + this.#aheadMs + this.#wallClockMs;
  }

  override monotonicNow(): number {
    return super.monotonicNow() + this.#aheadMs;
  }

  override async wait(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const passed = new AbortController();
    const wait = { dueMs: this.monotonicNow() + ms, end: () => passed.abort() };
    this.#waits.add(wait);
    try {
      const over = signal ? AbortSignal.any([signal, passed.signal]) : passed.signal;
      await super.wait(this.#holdWaits && ms >= HELD_FROM_MS ? 2 ** 31 - 1 : ms, over);
    } catch {
      signal?.throwIfAborted();
    } finally {
      this.#waits.delete(wait);
    }
  }

  /** Lets this much time pass at once. */
  advance(ms: number): void {
    this.#aheadMs += ms;
    const now = this.monotonicNow();
    for (const { dueMs, end } of this.#waits) if (dueMs <= now) end();
  }

  /** Steps the wall clock alone, as an operator or NTP would. */
  stepWallClock(ms: number): void {
    this.#wallClockMs += ms;
  }
}
