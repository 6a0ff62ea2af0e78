import type { NowggClock } from '../clock.js';
import { entryAgeMs, readEntry, writeEntry } from '../redis/shared-entry.js';
import { SharedCache, type SharedVerdict } from '../verification/cache/shared-cache.js';

interface Stored {
  readonly text: string;
  readonly endsAtMs: number;
}

/** The entries of a shared cache, which several processes can have in common, on one clock for their time to live. */
export class MemorySharedEntries {
  readonly entries = new Map<string, Stored>();
  readonly claims = new Map<string, number>();
  readonly clock: NowggClock;
  isDown = false;

  constructor(clock: NowggClock) {
    this.clock = clock;
  }
}

/** The shared cache of one process, with entries as Redis stores them but not encrypted. */
export class MemorySharedCache extends SharedCache {
  readonly #shared: MemorySharedEntries;
  readonly #clock: NowggClock;

  /** @param clock the clock of the process */
  constructor(shared: MemorySharedEntries, clock: NowggClock = shared.clock) {
    super();
    this.#shared = shared;
    this.#clock = clock;
  }

  override async read(key: string): Promise<SharedVerdict | undefined> {
    const stored = this.#shared.entries.get(key);
    if (!stored || this.#shared.isDown) return undefined;
    const leftMs = stored.endsAtMs - this.#shared.clock.monotonicNow();
    const entry = readEntry(stored.text);
    const ageMs = entry && entryAgeMs(entry, leftMs, this.#clock.now());
    if (!entry || ageMs === undefined) return undefined;
    const { facts, lifeMs, isVerified } = entry;
    return { facts, ageMs, lifeMs, isVerified };
  }

  override async write(key: string, { ageMs, ...verdict }: SharedVerdict, keptMs: number): Promise<void> {
    if (this.#shared.isDown) return;
    const text = writeEntry({ ...verdict, askedAtMs: this.#clock.now() - ageMs, writtenAgeMs: ageMs, keptMs });
    this.#shared.entries.set(key, { text, endsAtMs: this.#shared.clock.monotonicNow() + keptMs });
  }

  override async remove(keys: readonly string[]): Promise<void> {
    if (!this.#shared.isDown) for (const key of keys) this.#shared.entries.delete(key);
  }

  override async claim(key: string, leaseMs: number): Promise<'acquired' | 'held' | 'unavailable'> {
    const { isDown, claims, clock } = this.#shared;
    if (isDown) return 'unavailable';
    if ((claims.get(key) ?? 0) > clock.monotonicNow()) return 'held';
    claims.set(key, clock.monotonicNow() + leaseMs);
    return 'acquired';
  }

  override async release(key: string): Promise<void> {
    this.#shared.claims.delete(key);
  }

  override async announceRevocation(): Promise<void> {
    // No other process listens.
  }

  override onRevocation(): () => void {
    return () => undefined;
  }

  override async close(): Promise<void> {
    // Nothing to close.
  }
}
