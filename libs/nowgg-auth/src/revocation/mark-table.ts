import { randomBytes } from 'node:crypto';
import { tokenDigest } from '../verification/cache-key.js';
import type { MarkTimes } from './watermark.js';

/** Marks in one piece of memory. */
const CHUNK = 512;
const LANES = 4;
const TIMES = 4;
const [ISSUED_UNTIL, REFUSED_UNTIL, MARKED_AT, NOT_AFTER] = [0, 1, 2, 3] as const;
const LINKS = 3;
const [NEXT, BEFORE, BUCKET] = [0, 1, 2] as const;
const BUCKET_MS = 60_000;
/** A mark without an end hangs here, and in 32 bits. */
const LAST_BUCKET = 2_000_000_000;
const FIRST_CAPACITY = 16;
/** Most marks that one call of `prune` looks at. */
const PRUNED_AT_ONCE = 20_000;

/** How an id becomes the 128 bits that a table knows it by. */
interface Keying {
  /** 32 bits, needed for every look-up: cheap. */
  first(id: string): number;
  /** 96 bits more, needed only where the first agree. */
  rest(id: string): readonly [number, number, number];
}

/** For SHA-256 digests as 32 one-byte characters. */
export const BY_DIGEST: Keying = {
  first: (digest) => laneOf(digest, 0),
  rest: (digest) => [laneOf(digest, 4), laneOf(digest, 8), laneOf(digest, 12)],
};

const SEED = randomBytes(4).readInt32LE();

/** For ids of any length. */
export const BY_ID: Keying = {
  first: (id) => {
    let hash = SEED;
    for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x9e3779b1);
    return (hash ^ (hash >>> 15)) >>> 0;
  },
  rest: (id) => BY_DIGEST.rest(tokenDigest(id)),
};

interface Chunk {
  readonly keys: Uint32Array;
  readonly times: Float64Array;
  /** The next slot of the same bucket, or of the free ones, the slot before in the bucket, and the bucket. -1: none. */
  readonly links: Int32Array;
}

/**
 * Marks of one provider and kind, 60 bytes each and an index of 4 bytes for each place. Ids are kept as 128 bits. Slots
 * hang in buckets by the minute in which they end, so that dropping ended ones looks at nothing else.
 */
export class MarkTable {
  readonly #keying: Keying;
  readonly #chunks: Chunk[] = [];
  /** Slot + 1 by hash, linear probing; 0 is an empty place. */
  #index = new Uint32Array(FIRST_CAPACITY);
  #slots = 0;
  #free = -1;
  readonly #buckets = new Map<number, number>();
  #prunedBucket = Number.NEGATIVE_INFINITY;
  #size = 0;

  constructor(keying: Keying) {
    this.#keying = keying;
  }

  /** Number of marks. */
  get size(): number {
    return this.#size;
  }

  /** The slot of a mark, or -1. */
  find(id: string): number {
    if (this.#size === 0) return -1;
    const first = this.#keying.first(id);
    const mask = this.#index.length - 1;
    for (let place = first & mask; ; place = (place + 1) & mask) {
      const slot = (this.#index[place] as number) - 1;
      if (slot < 0) return -1;
      if (this.#lane(slot, 0) === first && this.#hasRest(slot, this.#keying.rest(id))) return slot;
    }
  }

  issuedUntilMs(slot: number): number {
    return this.#time(slot, ISSUED_UNTIL);
  }

  refusedUntilMs(slot: number): number {
    return this.#time(slot, REFUSED_UNTIL);
  }

  markedAtMs(slot: number): number {
    return this.#time(slot, MARKED_AT);
  }

  timesOf(slot: number): MarkTimes {
    return {
      issuedUntilMs: this.issuedUntilMs(slot),
      refusedUntilMs: this.refusedUntilMs(slot),
      markedAtMs: this.markedAtMs(slot),
      notAfterMs: this.#time(slot, NOT_AFTER),
    };
  }

  /** @param endMs when the mark ends */
  put(id: string, times: MarkTimes, endMs: number): void {
    const known = this.find(id);
    if (known >= 0) this.#unhang(known);
    const slot = known < 0 ? this.#add(id) : known;
    this.#write(slot, times);
    this.#hang(slot, endMs);
  }

  remove(id: string): void {
    const slot = this.find(id);
    if (slot >= 0) this.#remove(slot);
  }

  /** Drops what has ended, some of it at a time. @param endOf when a mark with these times ends */
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

  /** Buckets that are due, oldest first: by counting minutes, or by looking at all when more have passed than there are. */
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
    const next = this.#buckets.get(bucket) ?? -1;
    this.#buckets.set(bucket, slot);
    this.#link(slot, NEXT, next);
    this.#link(slot, BEFORE, -1);
    this.#link(slot, BUCKET, bucket);
    if (next >= 0) this.#link(next, BEFORE, slot);
  }

  #unhang(slot: number): void {
    const [next, before, bucket] = [this.#linkOf(slot, NEXT), this.#linkOf(slot, BEFORE), this.#linkOf(slot, BUCKET)];
    if (next >= 0) this.#link(next, BEFORE, before);
    if (before >= 0) this.#link(before, NEXT, next);
    else if (next >= 0) this.#buckets.set(bucket, next);
    else this.#buckets.delete(bucket);
  }

  #add(id: string): number {
    if ((this.#size + 1) * 4 > this.#index.length * 3) this.#rehash(this.#index.length * 2);
    const slot = this.#takeSlot();
    const { keys } = this.#chunk(slot);
    keys.set([this.#keying.first(id), ...this.#keying.rest(id)], (slot % CHUNK) * LANES);
    this.#enter(slot);
    this.#size += 1;
    return slot;
  }

  #takeSlot(): number {
    if (this.#free >= 0) {
      const slot = this.#free;
      this.#free = this.#linkOf(slot, NEXT);
      return slot;
    }
    if (this.#slots === this.#chunks.length * CHUNK) {
      this.#chunks.push({
        keys: new Uint32Array(CHUNK * LANES),
        times: new Float64Array(CHUNK * TIMES),
        links: new Int32Array(CHUNK * LINKS),
      });
    }
    this.#slots += 1;
    return this.#slots - 1;
  }

  #remove(slot: number): void {
    this.#unhang(slot);
    this.#leave(slot);
    this.#size -= 1;
    this.#link(slot, NEXT, this.#free);
    this.#free = slot;
    if (this.#size === 0) this.#forgetMemory();
    else if (this.#index.length > FIRST_CAPACITY && this.#size * 8 < this.#index.length) {
      this.#rehash(this.#index.length / 2);
    }
  }

  /** What held marks that have all ended goes as a whole. */
  #forgetMemory(): void {
    this.#chunks.length = 0;
    this.#slots = 0;
    this.#free = -1;
    this.#index = new Uint32Array(FIRST_CAPACITY);
  }

  #enter(slot: number): void {
    const mask = this.#index.length - 1;
    let place = this.#lane(slot, 0) & mask;
    while (this.#index[place] !== 0) place = (place + 1) & mask;
    this.#index[place] = slot + 1;
  }

  /** Takes a slot out of the index and moves later ones of the same run forward, so that probing never meets a gap. */
  #leave(slot: number): void {
    const index = this.#index;
    const mask = index.length - 1;
    let gap = this.#lane(slot, 0) & mask;
    while (index[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let place = (gap + 1) & mask; index[place] !== 0; place = (place + 1) & mask) {
      const home = this.#lane((index[place] as number) - 1, 0) & mask;
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      index[gap] = index[place] as number;
      gap = place;
    }
    index[gap] = 0;
  }

  #rehash(capacity: number): void {
    const old = this.#index;
    this.#index = new Uint32Array(capacity);
    for (const entry of old) if (entry !== 0) this.#enter(entry - 1);
  }

  #hasRest(slot: number, [second, third, fourth]: readonly [number, number, number]): boolean {
    return this.#lane(slot, 1) === second && this.#lane(slot, 2) === third && this.#lane(slot, 3) === fourth;
  }

  #write(slot: number, { issuedUntilMs, refusedUntilMs, markedAtMs, notAfterMs }: MarkTimes): void {
    const { times } = this.#chunk(slot);
    times.set([issuedUntilMs, refusedUntilMs, markedAtMs, notAfterMs], (slot % CHUNK) * TIMES);
  }

  #lane(slot: number, lane: number): number {
    return this.#chunk(slot).keys[(slot % CHUNK) * LANES + lane] as number;
  }

  #time(slot: number, column: number): number {
    return this.#chunk(slot).times[(slot % CHUNK) * TIMES + column] as number;
  }

  #linkOf(slot: number, link: number): number {
    return this.#chunk(slot).links[(slot % CHUNK) * LINKS + link] as number;
  }

  #link(slot: number, link: number, to: number): void {
    this.#chunk(slot).links[(slot % CHUNK) * LINKS + link] = to;
  }

  #chunk(slot: number): Chunk {
    return this.#chunks[Math.floor(slot / CHUNK)] as Chunk;
  }
}

function laneOf(digest: string, at: number): number {
  return (
    (digest.charCodeAt(at) |
      (digest.charCodeAt(at + 1) << 8) |
      (digest.charCodeAt(at + 2) << 16) |
      (digest.charCodeAt(at + 3) << 24)) >>>
    0
  );
}
