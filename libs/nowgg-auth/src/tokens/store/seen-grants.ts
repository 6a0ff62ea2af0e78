import { LRUCache } from 'lru-cache';
import type { GrantRecord } from './grant-record.js';

const MOST_GRANTS = 50_000;

/** The version of a grant that this process saw last. Never changed, only replaced. */
export interface GrantSight {
  readonly generation: number;
  readonly sessionVersion: number;
  /** The grant was revoked, which is final. */
  readonly ended: boolean;
  /** This generation came back after a newer one had been seen. */
  readonly restored: boolean;
}

type Version = Pick<GrantRecord, 'id' | 'generation' | 'sessionVersion' | 'state'>;

/**
 * The newest version of each grant that this process has seen, for the 50,000 used last. A database writer, a restored
 * backup or a failover to a replica that lost commits can bring back an older row. Its ciphertexts are genuine and can
 * be decrypted, so only a memory outside the database detects it.
 */
export class SeenGrants {
  readonly #byId: LRUCache<string, GrantSight>;

  constructor(max = MOST_GRANTS) {
    // By size, because with `max` the whole table is allocated at once.
    this.#byId = new LRUCache({ maxSize: max, sizeCalculation: () => 1 });
  }

  /**
   * Returns the version known now. Call it before a read is sent, because a read may be older than a commit of this
   * process.
   */
  recall(id: string): GrantSight | undefined {
    return this.#byId.get(id);
  }

  /** Records a row unless a newer version of it is known. */
  note({ id, generation, sessionVersion, state }: Version): void {
    const known = this.#byId.get(id);
    const ended = state === 'revoked';
    const isNews =
      !known || generation > known.generation || sessionVersion > known.sessionVersion || (ended && !known.ended);
    if (!isNews) return;
    this.#byId.set(id, {
      generation: Math.max(generation, known?.generation ?? 0),
      sessionVersion: Math.max(sessionVersion, known?.sessionVersion ?? 0),
      ended: ended || known?.ended === true,
      restored: known?.restored === true && generation <= known.generation,
    });
  }

  /** Records that a grant was revoked. @param grant the row before or after that */
  noteEnd(grant: Version): void {
    const sessionVersion = grant.state === 'revoked' ? grant.sessionVersion : grant.sessionVersion + 1;
    this.note({ ...grant, sessionVersion, state: 'revoked' });
  }

  /** Accepts an older generation. @returns false when that is known already */
  noteRestored({ id, generation }: Version): boolean {
    const known = this.#byId.get(id);
    if (!known || known.generation <= generation) return false;
    this.#byId.set(id, { ...known, generation, restored: true });
    return true;
  }

  /** Whether this generation came back after a newer one. */
  isRestored({ id, generation }: Version): boolean {
    const known = this.#byId.get(id);
    return known?.restored === true && known.generation === generation;
  }

  /** Whether the row revives a session that has ended. Correct whenever the row was read, because an end is final. */
  isRevived(grant: Version, known = this.#byId.get(grant.id)): boolean {
    if (!known || grant.state === 'revoked') return false;
    return known.ended || grant.sessionVersion < known.sessionVersion;
  }
}
