import { SystemClock } from '../clock.js';

/** Shorter waits only space out what a message has caused. */
const HELD_FROM_MS = 1_000;

/** How a {@link TestClock} differs from the machine's clock. */
export interface TestClockOptions {
  /** Difference of the wall clock alone from the machine's, as on a machine whose clock is wrong. Default 0. */
  readonly wallClockMs?: number;
  /** A wait of a second or more, such as that of a poll, ends only when the clock is advanced past its end. */
  readonly holdWaits?: boolean;
}

/**
 * The machine's clock plus an offset that a test can change. Advancing it also ends the waits that it passes.
 *
 * @example
 * ```ts
 * import { Test } from '@nestjs/testing';
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { overrideNowggAuth, TestClock } from 'nestjs-nowgg-auth/testing';
 *
 * export async function startWithClock() {
 *   const clock = new TestClock();
 *   const builder = Test.createTestingModule({ imports: [NowggAuthModule.forRoot({ clientId: 'game' })] });
 *   const module = await overrideNowggAuth(builder, { clock }).compile();
 *   clock.advance(2 * 3_600_000); // two hours: every token that was issued before has expired
 *   return module;
 * }
 * ```
 */
export class TestClock extends SystemClock {
  readonly #holdWaits: boolean;
  readonly #waits = new Set<{ readonly dueMs: number; readonly end: () => void }>();
  #aheadMs = 0;
  #wallClockMs: number;

  constructor({ wallClockMs = 0, holdWaits = false }: TestClockOptions = {}) {
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

  /** Lets this much time pass at once, in milliseconds. */
  advance(ms: number): void {
    this.#aheadMs += ms;
    const now = this.monotonicNow();
    for (const { dueMs, end } of this.#waits) if (dueMs <= now) end();
  }

  /** Steps the wall clock alone, as an operator or NTP would, in milliseconds. */
  stepWallClock(ms: number): void {
    this.#wallClockMs += ms;
  }
}
