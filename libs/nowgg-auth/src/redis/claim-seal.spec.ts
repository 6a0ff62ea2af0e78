import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ClaimSeal } from './claim-seal.js';
import { propertyRuns } from '../testing-support/property-runs.js';

const KEY = Buffer.alloc(32, 1);
const NOW = 1_800_000_000_000;

describe('the value of a claim', () => {
  it('is proven by every process with the key, during its lease only', () => {
    const lease = fc.integer({ min: 1, max: 60_000 });
    const passed = fc.integer({ min: -100_000, max: 200_000 });
    const check = fc.property(lease, passed, (leaseMs, passedMs) => {
      const value = new ClaimSeal(KEY).make('claim', NOW, leaseMs);
      const isGenuine = new ClaimSeal(KEY).isGenuine('claim', value, NOW + passedMs, 3_000);
      return isGenuine === (passedMs >= -1_000 && passedMs < leaseMs + 1_000);
    });
    expect(() => fc.assert(check, { numRuns: propertyRuns(2_000) })).not.toThrow();
  });

  it('proves nothing under another key, for another question, or when it was made up', () => {
    const value = new ClaimSeal(KEY).make('claim', NOW, 3_000);
    expect(new ClaimSeal(Buffer.alloc(32, 2)).isGenuine('claim', value, NOW, 3_000)).toBe(false);
    expect(new ClaimSeal(KEY).isGenuine('other', value, NOW, 3_000)).toBe(false);
    const check = fc.property(
      fc.uint8Array({ maxLength: 200 }),
      (bytes) => !new ClaimSeal(KEY).isGenuine('claim', Buffer.from(bytes), NOW, 3_000),
    );
    expect(() => fc.assert(check, { numRuns: propertyRuns(1_000) })).not.toThrow();
  });

  it('is believed for a minute at most, or as long as the reader would hold its own', () => {
    const value = new ClaimSeal(KEY).make('claim', NOW, 60_001);
    expect(new ClaimSeal(KEY).isGenuine('claim', value, NOW, 3_000)).toBe(false);
    expect(new ClaimSeal(KEY).isGenuine('claim', value, NOW, 60_001)).toBe(true);
  });

  it('differs from process to process', () => {
    const [one, other] = [new ClaimSeal(KEY), new ClaimSeal(KEY)].map((seal) => seal.make('claim', NOW, 3_000));
    expect(one).not.toEqual(other);
  });
});
