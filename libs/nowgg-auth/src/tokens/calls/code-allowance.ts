import type { NowggClock } from '../../clock.js';
import { RollingWindow } from '../../resilience/rolling-window.js';

const WINDOW_MS = 60_000;
/** While too many codes are refused, one more is sent this often. */
const PACE_MS = 5_000;

/**
 * How many codes may be sent: a code that is under way or was refused within the last minute takes a part of the limit,
 * one that was accepted gives as much back as it could take. So a flood of made-up codes ends at the limit and goes on
 * at a slow pace, while sign-ins that succeed are not limited however many they are.
 */
export class CodeAllowance {
  readonly #clock: NowggClock;
  readonly #limit: number;
  /** Codes that were refused or accepted; a hit is one that was refused. */
  readonly #answered = new RollingWindow(WINDOW_MS);
  #underway = 0;
  #nextSlowAt = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Takes a part of the limit. `full`: worth waiting for one that is under way. `slowed`: it is not. */
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

  end(outcome: 'accepted' | 'refused' | 'neither'): void {
    this.#underway -= 1;
    if (outcome !== 'neither') this.#answered.add(outcome === 'refused', this.#clock.monotonicNow());
  }

  #begun(): 'begun' {
    this.#underway += 1;
    return 'begun';
  }
}
