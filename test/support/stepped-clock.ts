import { NowggClock, SystemClock } from 'nestjs-nowgg-auth';

/** The machine's clock, which a test can push forward. Waits are real. */
export class SteppedClock extends NowggClock {
  readonly #real = new SystemClock();
  #aheadMs = 0;
  #jumpedMs = 0;

  /** Lets this much time pass at once. */
  step(ms: number): void {
    this.#aheadMs += ms;
  }

  /** Sets the wall clock by this much, as an administrator does; no time passes. */
  jump(ms: number): void {
    this.#jumpedMs += ms;
  }

  override now(): number {
    return this.#real.now() + this.#aheadMs + this.#jumpedMs;
  }

  override monotonicNow(): number {
    return this.#real.monotonicNow() + this.#aheadMs;
  }

  override async wait(ms: number, signal?: AbortSignal): Promise<void> {
    await this.#real.wait(ms, signal);
  }
}
