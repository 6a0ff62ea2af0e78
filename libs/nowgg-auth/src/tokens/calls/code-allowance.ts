import type { NowggClock } from '../../clock.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { RollingWindow } from '../../resilience/rolling-window.js';

const WINDOW_MS = 60_000;
/** Interval at which one more code is sent while too many are refused, in milliseconds. */
const PACE_MS = 5_000;

/** The kind of answer that a code got. */
export type CodeAnswer = TokenOutcome['status'];

/**
 * Limits the number of codes that may be sent. A code that is in progress or was refused within the last minute uses up
 * one unit of the limit; an accepted code gives back as much as it could use up. So a flood of made-up codes stops at
 * the limit and continues at a slow pace, while successful sign-ins are not limited, however many there are.
 */
export class CodeAllowance {
  readonly #clock: NowggClock;
  readonly #limit: number;
  /** Codes that were refused or accepted; a hit is a refused code. */
  readonly #answered = new RollingWindow(WINDOW_MS);
  #underway = 0;
  #nextSlowAt = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Uses up one unit of the limit. `full`: worth waiting for a code in progress. `slowed`: not worth waiting. */
  begin(): 'begun' | 'full' | 'slowed' {
    const now = this.#clock.monotonicNow();
    const { hits: refused, total } = this.#answered.counts(now);
    const limit = Math.max(this.#limit, total - refused);
    if (refused + this.#underway < limit) return this.#begun();
    if (refused < limit) return 'full';
    if (now < this.#nextSlowAt || this.#underway > 0) return 'slowed';
    this.#nextSlowAt = now + PACE_MS;
    return this.#begun();
  }

  /** Ends a code that has begun. Only tokens and a refusal are answers about the code. */
  end(answer: CodeAnswer | undefined): void {
    this.#underway -= 1;
    if (answer === 'tokens' || answer === 'refused') {
      this.#answered.add(answer === 'refused', this.#clock.monotonicNow());
    }
  }

  #begun(): 'begun' {
    this.#underway += 1;
    return 'begun';
  }
}
