import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { MarkIndex } from './mark-index.js';

/** Slots whose key is their number, with the hash that a test wants; counts how often an index reads a key. */
class CountedSlots {
  reads = 0;
  readonly #hashOf: (slot: number) => number;
  readonly index: MarkIndex;

  constructor(hashOf: (slot: number) => number) {
    this.#hashOf = hashOf;
    this.index = new MarkIndex(this, { first: (id) => hashOf(Number(id)), rest: (id) => [Number(id), 0, 0] });
  }

  firstLane(slot: number): number {
    this.reads += 1;
    return this.#hashOf(slot);
  }

  hasRest(slot: number, [second]: readonly [number, number, number]): boolean {
    return slot === second;
  }

  /** Reads of keys that one change takes. */
  during(change: () => void): number {
    const before = this.reads;
    change();
    return this.reads - before;
  }
}

const spread = (slot: number) => Math.imul(slot, 0x9e3779b1) >>> 0;

describe('the index of a table of marks', () => {
  it('moves at most sixteen marks with each one that is added, however many there are', () => {
    const slots = new CountedSlots(spread);
    let most = 0;
    for (let slot = 0; slot < 50_000; slot += 1)
      most = Math.max(
        most,
        slots.during(() => slots.index.add(slot)),
      );
    // Sixteen that move, and the new one.
    expect(most).toBeLessThanOrEqual(17);
    expect(slots.index.size).toBe(50_000);
    expect(slots.index.find('12345')).toBe(12_345);
  });

  it('finds what is there and nothing else, while it grows and shrinks, with hashes that meet', () => {
    const change = fc.record({ count: fc.integer({ min: 1, max: 60 }), adds: fc.boolean(), from: fc.nat(200) });
    const property = fc.property(
      fc.array(change, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(1, 3, 40, 2 ** 32),
      (changes, hashes) => {
        const { index } = new CountedSlots((slot) => spread(slot) % hashes);
        const known = new Set<number>();
        for (const { count, adds, from } of changes) {
          for (let slot = from; slot < from + count; slot += 1) {
            if (known.has(slot) === adds) continue;
            if (adds) index.add(slot);
            else index.remove(slot);
            if (adds) known.add(slot);
            else known.delete(slot);
          }
          for (let slot = 0; slot < 260; slot += 1) {
            if ((index.find(String(slot)) === slot) !== known.has(slot)) return false;
          }
          if (index.size !== known.size) return false;
        }
        return true;
      },
    );
    expect(fc.check(property, { numRuns: propertyRuns(100) }).counterexample).toBeNull();
  });
});
