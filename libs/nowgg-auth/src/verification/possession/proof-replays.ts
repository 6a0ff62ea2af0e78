import type { NowggClock } from '../../clock.js';
import { proofName } from '../../proofs/proof-name.js';
import type { SharedCache } from '../cache/shared-cache.js';

/** Most proofs that one process remembers for one life: 100 bytes each. */
const MOST_PROOFS = 500_000;

/**
 * Remembers which proofs were used, for as long as they could be used again: in this process, and in the shared cache
 * where there is one. While that cannot be reached, each process refuses what it has seen itself.
 */
export class ProofReplays {
  readonly #clock: NowggClock;
  readonly #shared: SharedCache | undefined;
  /** Proofs since {@link #since}, and those of the life before. */
  #recent = new Set<string>();
  #older = new Set<string>();
  #since = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock, shared: SharedCache | undefined) {
    this.#clock = clock;
    this.#shared = shared;
  }

  /** Whether this is the first use. `full`: it cannot be remembered, and must not be accepted. */
  async use(thumbprint: string, id: string, lifeMs: number): Promise<'first' | 'replayed' | 'full'> {
    const name = proofName(thumbprint, id);
    this.#turn(lifeMs);
    if (this.#recent.has(name) || this.#older.has(name)) return 'replayed';
    if (this.#recent.size >= MOST_PROOFS) return 'full';
    this.#recent.add(name);
    const claim = await this.#shared?.claim(`proof ${name}`, lifeMs);
    return claim === 'held' ? 'replayed' : 'first';
  }

  /** A proof that is forgotten has been known for a whole life, and was accepted for a part of it. */
  #turn(lifeMs: number): void {
    const now = this.#clock.monotonicNow();
    const passed = now - this.#since;
    if (passed < 2 * lifeMs) return;
    this.#older = passed < 4 * lifeMs ? this.#recent : new Set();
    this.#recent = new Set();
    this.#since = now;
  }
}
