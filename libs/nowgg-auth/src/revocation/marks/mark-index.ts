import type { Keying } from './mark-keying.js';

/** The keys of the slots that an index refers to. */
export interface SlotKeys {
  /** The first 32 bits of the key of a slot. */
  firstLane(slot: number): number;
  /** Whether the other 96 bits of the key of a slot are these. */
  hasRest(slot: number, rest: readonly [number, number, number]): boolean;
}

const FIRST_CAPACITY = 16;
/** Places that one change moves on to a larger or smaller index: all are moved long before the next one is due. */
const MOVED_AT_ONCE = 16;
/** In an index that is being replaced: the mark of this place was removed. */
const REMOVED = 0xffffffff;

/**
 * Finds the slot of an id: a hash table of 4 bytes for each place. It grows and shrinks in steps, a few places with each
 * change, so that no change waits for a copy of the whole table.
 */
export class MarkIndex {
  readonly #keys: SlotKeys;
  readonly #keying: Keying;
  /** Slot + 1 by hash, linear probing; 0 is an empty place. */
  #places = new Uint32Array(FIRST_CAPACITY);
  /** The index that is being replaced. Its places before `#moved` are in the new one as well. */
  #replaced: Uint32Array<ArrayBuffer> | undefined;
  #moved = 0;
  #size = 0;

  constructor(keys: SlotKeys, keying: Keying) {
    this.#keys = keys;
    this.#keying = keying;
  }

  /** Number of slots. */
  get size(): number {
    return this.#size;
  }

  /** The slot of an id, or -1. */
  find(id: string): number {
    return this.#size === 0 ? -1 : this.findBy(this.#keying.first(id), id);
  }

  /** The slot of an id, or -1. @param first the first 32 bits of its key */
  findBy(first: number, id: string): number {
    const slot = this.#findIn(this.#places, first, id);
    return slot < 0 && this.#replaced !== undefined ? this.#findIn(this.#replaced, first, id) : slot;
  }

  /** Adds a slot whose key is set and not in the index. */
  add(slot: number): void {
    this.#size += 1;
    if (this.#size * 4 > this.#places.length * 3) this.#replace(this.#places.length * 2);
    this.#move();
    this.#enter(slot);
  }

  /** Removes a slot. Its key must be unchanged. */
  remove(slot: number): void {
    this.#size -= 1;
    if (this.#replaced !== undefined) this.#markRemoved(this.#replaced, slot);
    this.#leave(slot);
    if (this.#size === 0) {
      this.#places = new Uint32Array(FIRST_CAPACITY);
      this.#replaced = undefined;
    } else if (this.#places.length > FIRST_CAPACITY && this.#size * 8 < this.#places.length) {
      this.#replace(this.#places.length / 2);
    }
    this.#move();
  }

  #findIn(places: Uint32Array, first: number, id: string): number {
    const mask = places.length - 1;
    for (let place = first & mask; ; place = (place + 1) & mask) {
      const entry = places[place] as number;
      if (entry === 0) return -1;
      const slot = entry - 1;
      if (entry === REMOVED || this.#keys.firstLane(slot) !== first) continue;
      if (this.#keys.hasRest(slot, this.#keying.rest(id))) return slot;
    }
  }

  #replace(capacity: number): void {
    while (this.#replaced !== undefined) this.#move();
    this.#replaced = this.#places;
    this.#moved = 0;
    this.#places = new Uint32Array(capacity);
  }

  /** Moves a few places of the index that is being replaced. */
  #move(): void {
    const replaced = this.#replaced;
    if (replaced === undefined) return;
    const end = Math.min(this.#moved + MOVED_AT_ONCE, replaced.length);
    for (let place = this.#moved; place < end; place += 1) {
      const entry = replaced[place] as number;
      if (entry !== 0 && entry !== REMOVED) this.#enter(entry - 1);
    }
    this.#moved = end;
    if (end === replaced.length) this.#replaced = undefined;
  }

  #enter(slot: number): void {
    const mask = this.#places.length - 1;
    let place = this.#keys.firstLane(slot) & mask;
    while (this.#places[place] !== 0) place = (place + 1) & mask;
    this.#places[place] = slot + 1;
  }

  /** Keeps the place occupied: probing for others continues after it. */
  #markRemoved(places: Uint32Array, slot: number): void {
    const place = this.#placeOf(places, slot);
    if (place >= 0) places[place] = REMOVED;
  }

  /** Removes a slot that may be here, and moves later ones of the same run forward, so that probing meets no gap. */
  #leave(slot: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let gap = this.#placeOf(places, slot);
    if (gap < 0) return;
    for (let place = (gap + 1) & mask; places[place] !== 0; place = (place + 1) & mask) {
      const home = this.#keys.firstLane((places[place] as number) - 1) & mask;
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      places[gap] = places[place] as number;
      gap = place;
    }
    places[gap] = 0;
  }

  #placeOf(places: Uint32Array, slot: number): number {
    const mask = places.length - 1;
    for (let place = this.#keys.firstLane(slot) & mask; places[place] !== 0; place = (place + 1) & mask) {
      if (places[place] === slot + 1) return place;
    }
    return -1;
  }
}
