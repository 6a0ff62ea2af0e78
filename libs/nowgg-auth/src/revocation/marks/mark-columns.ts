import type { MarkTimes } from './watermark.js';

/** Number of marks in one chunk of memory. */
const CHUNK = 512;
const LANES = 4;
const TIMES = 4;
const [ISSUED_UNTIL, REFUSED_UNTIL, MARKED_AT, NOT_AFTER] = [0, 1, 2, 3] as const;
const LINKS = 3;
/** The links of a slot: the next slot of its bucket or of the free list, the slot before in the bucket, the bucket. */
export const [NEXT, BEFORE, BUCKET] = [0, 1, 2] as const;
/** A link to no slot. */
export const NONE = -1;

interface Chunk {
  readonly keys: Uint32Array;
  readonly times: Float64Array;
  readonly links: Int32Array;
  readonly flags: Uint8Array;
}

/** The memory of a table of marks: numbered slots with a key of 128 bits, four times, three links and a flag, 61 bytes each. */
export class MarkColumns {
  readonly #chunks: Chunk[] = [];
  #slots = 0;
  #free: number = NONE;

  /** Takes a slot to write to. */
  take(): number {
    if (this.#free !== NONE) {
      const slot = this.#free;
      this.#free = this.linkOf(slot, NEXT);
      return slot;
    }
    if (this.#slots === this.#chunks.length * CHUNK) {
      this.#chunks.push({
        keys: new Uint32Array(CHUNK * LANES),
        times: new Float64Array(CHUNK * TIMES),
        links: new Int32Array(CHUNK * LINKS),
        flags: new Uint8Array(CHUNK),
      });
    }
    this.#slots += 1;
    return this.#slots - 1;
  }

  giveBack(slot: number): void {
    this.link(slot, NEXT, this.#free);
    this.#free = slot;
  }

  /** Releases all memory. */
  clear(): void {
    this.#chunks.length = 0;
    this.#slots = 0;
    this.#free = NONE;
  }

  setKey(slot: number, first: number, [second, third, fourth]: readonly [number, number, number]): void {
    const { keys } = this.#chunk(slot);
    const at = (slot % CHUNK) * LANES;
    keys[at] = first;
    keys[at + 1] = second;
    keys[at + 2] = third;
    keys[at + 3] = fourth;
  }

  firstLane(slot: number): number {
    return this.#lane(slot, 0);
  }

  hasRest(slot: number, [second, third, fourth]: readonly [number, number, number]): boolean {
    return this.#lane(slot, 1) === second && this.#lane(slot, 2) === third && this.#lane(slot, 3) === fourth;
  }

  setTimes(slot: number, { issuedUntilMs, refusedUntilMs, markedAtMs, notAfterMs }: MarkTimes): void {
    const { times } = this.#chunk(slot);
    const at = (slot % CHUNK) * TIMES;
    times[at + ISSUED_UNTIL] = issuedUntilMs;
    times[at + REFUSED_UNTIL] = refusedUntilMs;
    times[at + MARKED_AT] = markedAtMs;
    times[at + NOT_AFTER] = notAfterMs;
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

  notAfterMs(slot: number): number {
    return this.#time(slot, NOT_AFTER);
  }

  setFlag(slot: number, isSet: boolean): void {
    this.#chunk(slot).flags[slot % CHUNK] = isSet ? 1 : 0;
  }

  hasFlag(slot: number): boolean {
    return this.#chunk(slot).flags[slot % CHUNK] === 1;
  }

  linkOf(slot: number, link: number): number {
    return this.#chunk(slot).links[(slot % CHUNK) * LINKS + link] as number;
  }

  link(slot: number, link: number, to: number): void {
    this.#chunk(slot).links[(slot % CHUNK) * LINKS + link] = to;
  }

  #lane(slot: number, lane: number): number {
    return this.#chunk(slot).keys[(slot % CHUNK) * LANES + lane] as number;
  }

  #time(slot: number, column: number): number {
    return this.#chunk(slot).times[(slot % CHUNK) * TIMES + column] as number;
  }

  #chunk(slot: number): Chunk {
    return this.#chunks[Math.floor(slot / CHUNK)] as Chunk;
  }
}
