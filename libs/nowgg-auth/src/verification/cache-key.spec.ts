import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cacheKey, type KeyScope } from './cache-key.js';

const scope: fc.Arbitrary<KeyScope> = fc.record({
  provider: fc.option(fc.string({ maxLength: 5 }), { nil: undefined }),
  tokenType: fc.constantFrom(undefined, 'token' as const, 'id_token' as const),
});
const question = fc.tuple(scope, fc.string({ maxLength: 6 }));
const same = (a: readonly [KeyScope, string], b: readonly [KeyScope, string]) =>
  a[0].provider === b[0].provider && a[0].tokenType === b[0].tokenType && a[1] === b[1];

describe('a cache key', () => {
  it('is shared by equal questions only', () => {
    fc.assert(
      fc.property(question, question, (a, b) => {
        expect(cacheKey(...a) === cacheKey(...b)).toBe(same(a, b));
      }),
      { numRuns: 20_000 },
    );
  });

  it('keeps what separates its parts apart', () => {
    expect(cacheKey({ provider: '1:a' }, 'b')).not.toBe(cacheKey({ provider: '1' }, ':ab'));
    expect(cacheKey({ provider: '' }, 'b')).not.toBe(cacheKey({}, 'b'));
  });

  it('is a whole SHA-256 and not the token', () => {
    expect(cacheKey({}, 'secret')).toHaveLength(32);
    expect(cacheKey({}, 'secret')).not.toContain('secret');
  });
});
