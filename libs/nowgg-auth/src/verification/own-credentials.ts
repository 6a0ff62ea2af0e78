import type { NowggClock } from '../clock.js';

const WINDOW_MS = 60_000;
const SUSPECT_AFTER = 5;

/**
 * Watches whether the identity system refuses everybody. now.gg answers `INVALID_TOKEN` for a wrong client secret too,
 * so a wrong secret would sign every player out. When at least five different tokens that look good (well-formed,
 * unexpired, with our `aud`) were refused within a minute and none was accepted, the refusals prove nothing.
 */
export class OwnCredentials {
  readonly #clock: NowggClock;
  /** Cache key of a refused token that looked good, and when (monotonic). Different tokens, not attempts. */
  readonly #refusals = new Map<string, number>();
  #acceptedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  accepted(): void {
    this.#acceptedAt = this.#clock.monotonicNow();
    this.#refusals.clear();
  }

  refusedThoughItLookedGood(key: string): void {
    this.#refusals.delete(key);
    this.#refusals.set(key, this.#clock.monotonicNow());
    // Map order is age order: no more than the rule needs is kept.
    if (this.#refusals.size > SUSPECT_AFTER) {
      for (const oldest of this.#refusals.keys()) {
        this.#refusals.delete(oldest);
        break;
      }
    }
  }

  get suspect(): boolean {
    const since = this.#clock.monotonicNow() - WINDOW_MS;
    if (this.#acceptedAt > since) return false;
    let recent = 0;
    for (const at of this.#refusals.values()) if (at > since) recent += 1;
    return recent >= SUSPECT_AFTER;
  }
}
