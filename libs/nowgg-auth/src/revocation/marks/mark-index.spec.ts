import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { propertyRuns } from '../../testing-support/property-runs.js';
import { MarkIndex } from './mark-index.js';

const spread = (slot: number) => Math.imul(slot, 0x9e3779b1) >>> 0;

/** An index of slots whose key is their number. */
function indexOfSlots(firstOf: (slot: number) => number): MarkIndex {
  return new MarkIndex(
    { hasRest: (slot, [second]) => slot === second },
    { first: (id) => firstOf(Number(id)), rest: (id) => [Number(id), 0, 0] },
  );
}

describe('the index of a table of marks', () => {
  it('moves at most sixteen places with each mark that is added, and none is left when it grows again', () => {
    const index = indexOfSlots(spread);
    const [leftAtGrowths, moved]: [number[], number[]] = [[], []];
    for (let slot = 0; slot < 50_000; slot += 1) {
      const before = index.unmoved;
      index.add(slot, spread(slot));
      if (index.unmoved > before) leftAtGrowths.push(before);
      else moved.push(before - index.unmoved);
    }
    expect(Math.max(...moved)).toBe(16);
    expect(new Set(leftAtGrowths)).toEqual(new Set([0]));
    expect(leftAtGrowths.length).toBeGreaterThan(5);
    expect(index.size).toBe(50_000);
    expect(index.find('12345')).toBe(12_345);
  });

  it('finds what is there and nothing else, while it grows and shrinks, with hashes that meet', () => {
    const change = fc.record({ count: fc.integer({ min: 1, max: 60 }), adds: fc.boolean(), from: fc.nat(200) });
    const property = fc.property(
      fc.array(change, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(1, 3, 40, 2 ** 32),
      (changes, hashes) => {
        const firstOf = (slot: number) => spread(slot) % hashes;
        const index = indexOfSlots(firstOf);
        const known = new Set<number>();
        for (const { count, adds, from } of changes) {
          for (let slot = from; slot < from + count; slot += 1) {
            if (known.has(slot) === adds) continue;
            if (adds) index.add(slot, firstOf(slot));
            else index.remove(slot, firstOf(slot));
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
