import type { NowggClock } from '../clock.js';

/** A rate: calls a second on average, and the number of calls that may be made at once after a pause. */
export interface RateLimits {
  readonly perSecond: number;
  readonly burst: number;
}

/** A token bucket on the monotonic clock: fills by `perSecond` up to `burst`, which may be fractions. */
export class TokenBucket {
  readonly #clock: NowggClock;
  #limits: RateLimits;
  #tokens: number;
  #filledAt: number;

  /** @param tokens tokens at the start. Default: full */
  constructor(clock: NowggClock, limits: RateLimits, tokens = limits.burst) {
    this.#clock = clock;
    this.#limits = limits;
    this.#tokens = tokens;
    this.#filledAt = clock.monotonicNow();
  }

  get tokens(): number {
    const now = this.#clock.monotonicNow();
    const { perSecond, burst } = this.#limits;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1_000);
    this.#filledAt = now;
    return this.#tokens;
  }

  /** Takes one token if at least `reserve` tokens remain. */
  take(reserve = 0): boolean {
    if (this.tokens - 1 < reserve) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Takes one token even if there is none: the following ones come later. The debt is at most `burst`. */
  charge(): void {
    this.#tokens = Math.max(-this.#limits.burst, this.tokens - 1);
  }

  /** Takes one token, or what there is of one. */
  drain(): void {
    this.#tokens = Math.min(this.tokens, Math.max(0, this.tokens - 1));
  }

  /** Changes the rate from now on. Tokens beyond the new burst are lost. */
  limit(limits: RateLimits): void {
    const { tokens } = this;
    this.#limits = limits;
    this.#tokens = Math.min(limits.burst, tokens);
  }

  /** Milliseconds until there are this many tokens, without other takers; 0 when there are. */
  msUntil(count: number): number {
    const missing = count - this.tokens;
    return missing <= 0 ? 0 : (missing * 1_000) / this.#limits.perSecond;
  }
}
