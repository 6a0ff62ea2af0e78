import type { NowggClock } from '../../../clock.js';

/** Claims that one call deletes beside its own. */
const DELETED_AT_ONCE = 2;

/** The claimed proofs of the memory store. */
export class MemoryProofs {
  readonly #clock: NowggClock;
  /** Ends of claims by name, the oldest first. */
  readonly #endsAt = new Map<string, number>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  claim(name: string, keptForMs: number): boolean {
    const isNew = !this.#endsAt.has(name);
    if (isNew) this.#endsAt.set(name, this.#clock.now() + keptForMs);
    this.sweep(DELETED_AT_ONCE);
    return isNew;
  }

  /** Deletes at most `limit` claims that are over. @returns their number */
  sweep(limit: number): number {
    let deleted = 0;
    for (const [name, endsAt] of this.#endsAt) {
      // All are kept for as long as each other, so the rest is younger.
      if (deleted === limit || endsAt > this.#clock.now()) break;
      this.#endsAt.delete(name);
      deleted += 1;
    }
    return deleted;
  }
}
