import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cacheKey, type KeyScope } from './verdict-cache.js';
import { tokenDigest } from '../../identity/token-text.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const keyOf = (scope: KeyScope, token: string) => cacheKey(scope, tokenDigest(token));

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
        expect(keyOf(...a) === keyOf(...b)).toBe(same(a, b));
      }),
      { numRuns: propertyRuns(5_000) },
    );
  });

  it('keeps what separates its parts apart', () => {
    expect(keyOf({ provider: '' }, 'b')).not.toBe(keyOf({}, 'b'));
    expect(keyOf({ provider: 'auto' }, 'b')).not.toBe(keyOf({ provider: 'auto', tokenType: 'token' }, 'b'));
  });

  it('holds a whole SHA-256 and not the token', () => {
    expect(Buffer.from(tokenDigest('abc'), 'latin1').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(keyOf({}, 'secret')).not.toContain('secret');
  });
});
