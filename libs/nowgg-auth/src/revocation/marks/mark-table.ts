import { BEFORE, BUCKET, MarkColumns, NEXT, NONE } from './mark-columns.js';
import { MarkIndex } from './mark-index.js';
import type { Keying } from './mark-keying.js';
import type { MarkTimes } from './watermark.js';

const BUCKET_MS = 60_000;
/** The bucket of marks without an end; it fits in 32 bits. */
const LAST_BUCKET = 2_000_000_000;
/** Maximum number of marks that one call of `prune` looks at. */
const PRUNED_AT_ONCE = 20_000;

/**
 * Marks of one provider and kind, 61 bytes each and an index of 8 bytes for each place. Ids are kept as 128 bits. Slots
 * are linked in buckets by the minute in which they end, so that pruning looks only at ended ones.
 */
export class MarkTable {
  readonly #keying: Keying;
  readonly #columns = new MarkColumns();
  readonly #index: MarkIndex;
  readonly #buckets = new Map<number, number>();
  #prunedBucket = Number.NEGATIVE_INFINITY;

  constructor(keying: Keying) {
    this.#keying = keying;
    this.#index = new MarkIndex(this.#columns, keying);
  }

  /** Number of marks. */
  get size(): number {
    return this.#index.size;
  }

  /** The slot of a mark, or -1. */
  find(id: string): number {
    return this.#index.find(id);
  }

  issuedUntilMs(slot: number): number {
    return this.#columns.issuedUntilMs(slot);
  }

  refusedUntilMs(slot: number): number {
    return this.#columns.refusedUntilMs(slot);
  }

  markedAtMs(slot: number): number {
    return this.#columns.markedAtMs(slot);
  }

  timesOf(slot: number): MarkTimes {
    return {
      issuedUntilMs: this.issuedUntilMs(slot),
      refusedUntilMs: this.refusedUntilMs(slot),
      markedAtMs: this.markedAtMs(slot),
      notAfterMs: this.#columns.notAfterMs(slot),
    };
  }

  /** Whether there is a mark, of a session that ended because of a sign-in elsewhere. @param slot may be -1 */
  isOfElsewhere(slot: number): boolean {
    return slot >= 0 && this.#columns.hasFlag(slot);
  }

  /**
   * @param endMs when the mark ends
   * @param isOfElsewhere see {@link isOfElsewhere}
   */
  put(id: string, times: MarkTimes, endMs: number, isOfElsewhere = false): void {
    const first = this.#keying.first(id);
    const known = this.#index.findBy(first, id);
    if (known >= 0) this.#unhang(known);
    const slot = known < 0 ? this.#add(first, id) : known;
    this.#columns.setTimes(slot, times);
    this.#columns.setFlag(slot, isOfElsewhere);
    this.#hang(slot, endMs);
  }

  remove(id: string): void {
    const slot = this.find(id);
    if (slot >= 0) this.#remove(slot);
  }

  /** Removes ended marks, a limited number at a time. @param endOf when a mark with these times ends */
  prune(nowMs: number, endOf: (times: MarkTimes) => number): void {
    const due = Math.floor(nowMs / BUCKET_MS) - 1;
    let left = PRUNED_AT_ONCE;
    for (const bucket of this.#bucketsUpTo(due)) {
      for (let slot = this.#buckets.get(bucket); slot !== undefined; slot = this.#buckets.get(bucket)) {
        if (left === 0) return;
        left -= 1;
        const endMs = endOf(this.timesOf(slot));
        if (endMs <= nowMs) {
          this.#remove(slot);
          continue;
        }
        this.#unhang(slot);
        this.#hang(slot, endMs);
      }
      this.#prunedBucket = bucket;
    }
    this.#prunedBucket = Math.max(this.#prunedBucket, due);
  }

  /** Due buckets, oldest first: by counting minutes, or by a scan of all when more minutes passed than there are. */
  #bucketsUpTo(due: number): readonly number[] {
    if (this.#buckets.size === 0 || due <= this.#prunedBucket) return [];
    if (due - this.#prunedBucket > this.#buckets.size) {
      return [...this.#buckets.keys()].filter((bucket) => bucket <= due).toSorted((a, b) => a - b);
    }
    const found: number[] = [];
    for (let bucket = this.#prunedBucket + 1; bucket <= due; bucket += 1) {
      if (this.#buckets.has(bucket)) found.push(bucket);
    }
    return found;
  }

  #hang(slot: number, endMs: number): void {
    const bucket = Math.min(Math.max(Math.floor(endMs / BUCKET_MS), this.#prunedBucket + 1), LAST_BUCKET);
    const next = this.#buckets.get(bucket) ?? NONE;
    this.#buckets.set(bucket, slot);
    this.#columns.link(slot, NEXT, next);
    this.#columns.link(slot, BEFORE, NONE);
    this.#columns.link(slot, BUCKET, bucket);
    if (next !== NONE) this.#columns.link(next, BEFORE, slot);
  }

  #unhang(slot: number): void {
    const [next, before, bucket] = [
      this.#columns.linkOf(slot, NEXT),
      this.#columns.linkOf(slot, BEFORE),
      this.#columns.linkOf(slot, BUCKET),
    ];
    if (next !== NONE) this.#columns.link(next, BEFORE, before);
    if (before !== NONE) this.#columns.link(before, NEXT, next);
    else if (next !== NONE) this.#buckets.set(bucket, next);
    else this.#buckets.delete(bucket);
  }

  #add(first: number, id: string): number {
    const slot = this.#columns.take();
    this.#columns.setKey(slot, first, this.#keying.rest(id));
    this.#index.add(slot, first);
    return slot;
  }

  #remove(slot: number): void {
    this.#unhang(slot);
    this.#index.remove(slot, this.#columns.firstLane(slot));
    this.#columns.giveBack(slot);
    // Gives the memory back after the last mark was removed.
    if (this.#index.size === 0) this.#columns.clear();
  }
}
