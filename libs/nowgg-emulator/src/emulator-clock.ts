/** The emulator's own time: the machine's clock plus a shift, or standing still. Network delays are always real time. */
export class EmulatorClock {
  #shiftMs = 0;
  #frozenAtMs: number | undefined;

  /** Epoch milliseconds as the emulator sees them. */
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

  /** Sets the clock; it runs on from there, or stands still until the next call when `frozen` is true. */
  set(epochMs: number, frozen = false): void {
    requireTime(epochMs);
    this.#frozenAtMs = frozen ? epochMs : undefined;
    this.#shiftMs = epochMs - Date.now();
  }

  /** What tells this clock from the machine's: a shift, or the moment at which it stands. */
  get setting(): { readonly shiftMs: number; readonly frozenAtMs?: number } {
    const frozen = this.#frozenAtMs !== undefined && { frozenAtMs: this.#frozenAtMs };
    return { shiftMs: this.#shiftMs, ...frozen };
  }

  reset(): void {
    this.#frozenAtMs = undefined;
    this.#shiftMs = 0;
  }
}

/** Well inside what `Date` can hold, so that expiry times computed from it are dates too. */
const latestMs = 4e15;

function requireTime(epochMs: number): void {
  if (!(Math.abs(epochMs) <= latestMs)) throw new TypeError('the clock cannot be set to this time');
}
