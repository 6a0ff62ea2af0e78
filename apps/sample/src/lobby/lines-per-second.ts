const mostAtOnce = 5;

/** The lines that one connection may say: five at once, and one more for each second. */
export class LinesPerSecond {
  #left = mostAtOnce;
  #at = performance.now();

  /** @returns whether a line may be said now */
  take(): boolean {
    const now = performance.now();
    this.#left = Math.min(mostAtOnce, this.#left + (now - this.#at) / 1_000);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
