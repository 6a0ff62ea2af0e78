import type { NowggClock } from '../clock.js';

const BUCKET_MS = 10_000;
const BUCKETS = 6;
/** While too many codes are refused, one more is sent this often. */
const PACE_MS = 5_000;

/** Counts events of the last minute, to within ten seconds. */
class MinuteCount {
  readonly #buckets = Array.from({ length: BUCKETS }, () => 0);
  #newest = 0;

  add(nowMs: number): void {
    this.#advance(nowMs);
    const index = this.#newest % BUCKETS;
    this.#buckets[index] = (this.#buckets[index] as number) + 1;
  }

  sum(nowMs: number): number {
    this.#advance(nowMs);
    return this.#buckets.reduce((sum, count) => sum + count, 0);
  }

  #advance(nowMs: number): void {
    const current = Math.floor(nowMs / BUCKET_MS);
    const cleared = Math.min(current - this.#newest, BUCKETS);
    for (let step = 0; step < cleared; step += 1) this.#buckets[(current - step) % BUCKETS] = 0;
    this.#newest = Math.max(this.#newest, current);
  }
}

/**
 * How many codes may be sent: a code that is under way or was refused within the last minute takes a part of the limit,
 * one that was accepted gives as much back as it could take. So a flood of made-up codes ends at the limit and goes on
 * at a slow pace, while sign-ins that succeed are not limited however many they are.
 */
export class CodeAllowance {
  readonly #clock: NowggClock;
  readonly #limit: number;
  readonly #refused = new MinuteCount();
  readonly #accepted = new MinuteCount();
  #underway = 0;
  #nextSlowAt = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Takes a part of the limit. `full`: worth waiting for one that is under way. `slowed`: it is not. */
  begin(): 'begun' | 'full' | 'slowed' {
    const now = this.#clock.monotonicNow();
    const refused = this.#refused.sum(now);
    const limit = Math.max(this.#limit, this.#accepted.sum(now));
    if (refused + this.#underway < limit) return this.#begun();
    if (refused < limit) return 'full';
    if (now < this.#nextSlowAt || this.#underway > 0) return 'slowed';
    this.#nextSlowAt = now + PACE_MS;
    return this.#begun();
  }

  end(outcome: 'accepted' | 'refused' | 'neither'): void {
    this.#underway -= 1;
    const now = this.#clock.monotonicNow();
    if (outcome === 'accepted') this.#accepted.add(now);
    if (outcome === 'refused') this.#refused.add(now);
  }

  #begun(): 'begun' {
    this.#underway += 1;
    return 'begun';
  }
}
