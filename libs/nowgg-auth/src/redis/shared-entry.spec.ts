import { describe, expect, it } from '@jest/globals';
import { assert, integer, property, record } from 'fast-check';
import type { TokenFacts } from '../principal.js';
import { entryAgeMs, readEntry, type SharedEntry, writeEntry } from './shared-entry.js';
import { propertyRuns } from '../testing-support/property-runs.js';

const facts: TokenFacts = {
  provider: 'nowgg',
  clientKey: 'key',
  tokenType: 'token',
  userId: 'player',
  issuer: 'https://now.gg',
  scopes: ['email'],
  claims: { deep: { list: [1] } },
};
const entry: SharedEntry = {
  facts,
  askedAtMs: 1_000_000,
  writtenAgeMs: 500,
  keptMs: 30_000,
  lifeMs: 10_000,
  isVerified: true,
};

describe('an entry', () => {
  it('reads as it was written', () => {
    expect(readEntry(writeEntry(entry))).toEqual(entry);
  });

  it.each([
    ['no JSON', 'x'],
    ['another shape', '{}'],
    ['too few parts', '[1,2,3,4,true]'],
    ['facts that are none', '[1,2,3,4,true,null]'],
    ['a time that is none', JSON.stringify(['1', 2, 3, 4, true, facts])],
    ['a life that is none', JSON.stringify([1, 2, 3, '4', true, facts])],
    ['a flag that is none', JSON.stringify([1, 2, 3, 4, 1, facts])],
    ['the shape of an earlier version', JSON.stringify([1, 2, 3, facts])],
    ['more parts than are known', JSON.stringify([1, 2, 3, 4, true, facts, 5])],
    ['a negative time', JSON.stringify([1, -2, 3, 4, true, facts])],
  ])('is none with %s', (_, text) => {
    expect(readEntry(text)).toBeUndefined();
  });

  it.each([
    ['userId', ''],
    ['userId', 'a\u0000b'],
    ['userId', 7],
    ['tokenType', 'refresh_token'],
    ['scopes', 'email'],
    ['scopes', [1]],
    ['expiresAtMs', '2026'],
    ['expiresAtMs', -1],
    ['email', null],
    ['email', '\ud800'],
    ['claims', []],
    ['issuer', undefined],
    ['isAdmin', true],
  ])('is none when its %s is %j', (name, value) => {
    expect(readEntry(JSON.stringify([1, 2, 3, 4, true, { ...facts, [name]: value }]))).toBeUndefined();
  });

  it('loses keys of its claims that could reach a prototype', () => {
    const text = writeEntry(entry).replace('"deep"', '"__proto__"');
    expect(readEntry(text)?.facts.claims).toEqual({});
  });
});

describe('the age of an entry', () => {
  const times = record({
    writtenAgeMs: integer({ min: 0, max: 60_000 }),
    keptMs: integer({ min: 1, max: 60_000 }),
    passedMs: integer({ min: 0, max: 120_000 }),
    ourStepMs: integer({ min: -100_000, max: 100_000 }),
    redisStepMs: integer({ min: -100_000, max: 100_000 }),
  });

  it('is never less than the time that has passed while one of the clocks is right, nor more than it may be', () => {
    const check = property(times, ({ writtenAgeMs, keptMs, passedMs, ourStepMs, redisStepMs }) => {
      const one: SharedEntry = {
        facts,
        askedAtMs: 1_000_000 - writtenAgeMs,
        writtenAgeMs,
        keptMs,
        lifeMs: 30_000,
        isVerified: true,
      };
      const byRedis = entryAgeMs(one, keptMs - passedMs, 1_000_000 + passedMs + ourStepMs);
      const byUs = entryAgeMs(one, keptMs - passedMs - redisStepMs, 1_000_000 + passedMs);
      return [byRedis, byUs].every(
        (ageMs) => ageMs === undefined || (ageMs >= writtenAgeMs + passedMs && ageMs < writtenAgeMs + keptMs),
      );
    });
    expect(() => assert(check, { numRuns: propertyRuns(5_000) })).not.toThrow();
  });

  it.each([Number.NaN, -2, -1, 0, 30_001])('is unknown when %s ms of life are left', (leftMs) => {
    expect(entryAgeMs(entry, leftMs, entry.askedAtMs + 500)).toBeUndefined();
  });
});
