/** The emulator's own clock: the machine's clock plus a shift, or frozen. Network delays are always real time. */
export class EmulatorClock {
  #shiftMs = 0;
  #frozenAtMs: number | undefined;

  /** The emulator's time, in epoch milliseconds. */
  now(): number {
    return this.#frozenAtMs ?? Date.now() + this.#shiftMs;
  }

  nowSeconds(): number {
    return Math.floor(this.now() / 1000);
  }

  /** Moves the clock by `ms`, backwards if negative. A frozen clock stays frozen, at its new time. */
  advance(ms: number): void {
    requireTime(this.now() + ms);
    if (this.#frozenAtMs === undefined) this.#shiftMs += ms;
    else this.#frozenAtMs += ms;
  }

  /** Sets the clock; it runs from there, or stands still until the next call when `frozen` is true. */
  set(epochMs: number, frozen = false): void {
    requireTime(epochMs);
    this.#frozenAtMs = frozen ? epochMs : undefined;
    this.#shiftMs = epochMs - Date.now();
  }

  /** Difference from the machine's clock: a shift, or the time at which this clock is frozen. */
  get setting(): { readonly shiftMs: number; readonly frozenAtMs?: number } {
    const frozen = this.#frozenAtMs !== undefined && { frozenAtMs: this.#frozenAtMs };
    return { shiftMs: this.#shiftMs, ...frozen };
  }

  reset(): void {
    this.#frozenAtMs = undefined;
    this.#shiftMs = 0;
  }
}

/** Latest time, well within the range of `Date`, so that expiry times computed from it are valid dates too. */
const latestMs = 4e15;

function requireTime(epochMs: number): void {
  if (!(Math.abs(epochMs) <= latestMs)) throw new TypeError('the clock cannot be set to this time');
}
