interface Slot {
  /** Number of the slice of time that this slot counts for. */
  slice: number;
  hits: number;
  total: number;
}

const SLOTS = 10;
const UNUSED = Number.NEGATIVE_INFINITY;

/** Counts of the last `windowMs` milliseconds, in ten slices: the number of events, and the number of hits. */
export class RollingWindow {
  readonly #sliceMs: number;
  readonly #slots: Slot[] = Array.from({ length: SLOTS }, () => ({ slice: UNUSED, hits: 0, total: 0 }));

  constructor(windowMs: number) {
    this.#sliceMs = windowMs / SLOTS;
  }

  /** @param nowMs a monotonic time, never negative */
  add(isHit: boolean, nowMs: number): void {
    const slice = Math.floor(nowMs / this.#sliceMs);
    const slot = this.#slots[slice % SLOTS] as Slot;
    if (slot.slice !== slice) Object.assign(slot, { slice, hits: 0, total: 0 });
    slot.total += 1;
    if (isHit) slot.hits += 1;
  }

  counts(nowMs: number): { readonly hits: number; readonly total: number } {
    const oldest = Math.floor(nowMs / this.#sliceMs) - SLOTS + 1;
    let hits = 0;
    let total = 0;
    for (const slot of this.#slots) {
      if (slot.slice < oldest) continue;
      hits += slot.hits;
      total += slot.total;
    }
    return { hits, total };
  }

  clear(): void {
    for (const slot of this.#slots) slot.slice = UNUSED;
  }
}
