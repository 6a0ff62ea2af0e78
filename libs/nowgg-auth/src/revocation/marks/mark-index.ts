import type { Keying } from './mark-keying.js';

/** The keys of the slots that an index refers to. The index has the first 32 bits of each itself. */
export interface SlotKeys {
  /** Whether the other 96 bits of the key of a slot are these. */
  hasRest(slot: number, rest: readonly [number, number, number]): boolean;
}

const FIRST_CAPACITY = 16;
/** Places that one change moves on to a larger or smaller index: all are moved long before the next one is due. */
const MOVED_AT_ONCE = 16;
/** In an index that is being replaced: the mark of this place was removed. */
const REMOVED = 0xffffffff;
/** Two numbers for each place: the slot + 1, or 0 for an empty place, and the first 32 bits of the slot's key. */
const WIDTH = 2;
type Places = Uint32Array<ArrayBuffer>;

/**
 * Finds the slot of an id: a hash table of 8 bytes for each place. It grows and shrinks in steps, a few places with each
 * change, so that no change waits for a copy of the whole table.
 */
export class MarkIndex {
  readonly #keys: SlotKeys;
  readonly #keying: Keying;
  /** By hash, linear probing. */
  #places = emptyPlaces(FIRST_CAPACITY);
  /** The index that is being replaced. Its places before `#moved` are in the new one as well. */
  #replaced: Places | undefined;
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

  /** Number of places of the index that is being replaced which still have to be moved. */
  get unmoved(): number {
    return this.#replaced === undefined ? 0 : (this.#replaced.length - this.#moved) / WIDTH;
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

  /** Adds a slot that is not in the index. Its key must be set. @param first the first 32 bits of its key */
  add(slot: number, first: number): void {
    this.#size += 1;
    if (this.#size * 2 > capacityOf(this.#places)) this.#replace(capacityOf(this.#places) * 2);
    this.#move();
    enter(this.#places, slot + 1, first);
  }

  /** Removes a slot. @param first the first 32 bits of its key */
  remove(slot: number, first: number): void {
    this.#size -= 1;
    if (this.#replaced !== undefined) markRemoved(this.#replaced, slot + 1, first);
    leave(this.#places, slot + 1, first);
    if (this.#size === 0) {
      this.#places = emptyPlaces(FIRST_CAPACITY);
      this.#replaced = undefined;
    } else if (capacityOf(this.#places) > FIRST_CAPACITY && this.#size * 8 < capacityOf(this.#places)) {
      this.#replace(capacityOf(this.#places) / 2);
    }
    this.#move();
  }

  #findIn(places: Places, first: number, id: string): number {
    const mask = places.length - 1;
    for (let place = placeOf(first, mask); ; place = (place + WIDTH) & mask) {
      const entry = places[place] as number;
      if (entry === 0) return -1;
      if (places[place + 1] !== first || entry === REMOVED) continue;
      if (this.#keys.hasRest(entry - 1, this.#keying.rest(id))) return entry - 1;
    }
  }

  #replace(capacity: number): void {
    while (this.#replaced !== undefined) this.#move();
    this.#replaced = this.#places;
    this.#moved = 0;
    this.#places = emptyPlaces(capacity);
  }

  /** Moves a few places of the index that is being replaced. */
  #move(): void {
    const replaced = this.#replaced;
    if (replaced === undefined) return;
    const end = Math.min(this.#moved + MOVED_AT_ONCE * WIDTH, replaced.length);
    for (let place = this.#moved; place < end; place += WIDTH) {
      const entry = replaced[place] as number;
      if (entry !== 0 && entry !== REMOVED) enter(this.#places, entry, replaced[place + 1] as number);
    }
    this.#moved = end;
    if (end === replaced.length) this.#replaced = undefined;
  }
}

function emptyPlaces(capacity: number): Places {
  return new Uint32Array(capacity * WIDTH);
}

function capacityOf(places: Places): number {
  return places.length / WIDTH;
}

/** Where the search for a key begins. @param mask the length of the places, less one */
function placeOf(first: number, mask: number): number {
  return (first * WIDTH) & mask;
}

function enter(places: Places, entry: number, first: number): void {
  const mask = places.length - 1;
  let place = placeOf(first, mask);
  while (places[place] !== 0) place = (place + WIDTH) & mask;
  places[place] = entry;
  places[place + 1] = first;
}

/** Keeps the place occupied: probing for others continues after it. */
function markRemoved(places: Places, entry: number, first: number): void {
  const place = findEntry(places, entry, first);
  if (place >= 0) places[place] = REMOVED;
}

/** Removes an entry that may be there, and moves later ones of the same run forward, so that probing meets no gap. */
function leave(places: Places, entry: number, first: number): void {
  const mask = places.length - 1;
  let gap = findEntry(places, entry, first);
  if (gap < 0) return;
  for (let place = (gap + WIDTH) & mask; places[place] !== 0; place = (place + WIDTH) & mask) {
    const home = placeOf(places[place + 1] as number, mask);
    if (((place - home) & mask) < ((place - gap) & mask)) continue;
    places[gap] = places[place] as number;
    places[gap + 1] = places[place + 1] as number;
    gap = place;
  }
  places[gap] = 0;
}

/** The place of an entry, or -1. */
function findEntry(places: Places, entry: number, first: number): number {
  const mask = places.length - 1;
  for (let place = placeOf(first, mask); places[place] !== 0; place = (place + WIDTH) & mask) {
    if (places[place] === entry) return place;
  }
  return -1;
}
