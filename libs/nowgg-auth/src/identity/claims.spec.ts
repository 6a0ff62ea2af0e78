import { afterEach, describe, expect, it } from '@jest/globals';
import { freezeClaims, isIdentifier, readAudience, readTimeClaim, withoutInherited } from './claims.js';

describe('a time claim', () => {
  it.each([
    [1636782602, 1636782602000],
    ['1636782602', 1636782602000],
    [0, 0],
  ])('%p is read', (value, ms) => {
    expect(readTimeClaim(value)).toBe(ms);
  });

  it.each([[1636782602000], ['-1'], [-1], [''], ['1e9'], [Number.POSITIVE_INFINITY], [null], [{}], [true]])(
    '%p is none',
    (value) => {
      expect(readTimeClaim(value)).toBeUndefined();
    },
  );
});

describe('an identifier', () => {
  it.each([['a'], ['x'.repeat(255)], ['ユーザー'], ['a b']])('may be %p', (value) => {
    expect(isIdentifier(value)).toBe(true);
  });

  it.each([[''], ['x'.repeat(256)], ['a\u0000b'], ['a\nb'], ['\u0085'], ['\ud800'], [7], [{}], [null], [undefined]])(
    'may not be %p',
    (value) => {
      expect(isIdentifier(value)).toBe(false);
    },
  );
});

describe('an audience', () => {
  it('is a string or an array of strings', () => {
    expect(readAudience('a')).toEqual(['a']);
    expect(readAudience(['a', 'b'])).toEqual(['a', 'b']);
    expect(readAudience(['a', 1])).toBeUndefined();
    expect(readAudience({ a: 1 })).toBeUndefined();
  });
});

describe('claims in a process whose objects share a polluted prototype', () => {
  const prototype = Object.prototype as { scope?: unknown };
  afterEach(() => {
    delete prototype.scope;
  });

  it('are taken from the object itself, with an unpolluted prototype', () => {
    const claims = { sub: 'p1' };
    expect(withoutInherited(claims)).toBe(claims);
  });

  it('are none that were put on that prototype', () => {
    prototype.scope = 'admin';
    const { sub, scope } = withoutInherited<Record<string, unknown>>({ sub: 'p1' });
    expect({ sub, scope }).toEqual({ sub: 'p1', scope: undefined });
  });

  it('are frozen without what was put there', () => {
    const foreign = { limits: {} };
    prototype.scope = foreign;
    const claims = freezeClaims({ a: { b: 1 } });
    expect([claims, claims.a, foreign, foreign.limits].map(Object.isFrozen)).toEqual([true, true, false, false]);
  });
});

describe('kept claims', () => {
  it('are deeply frozen and reach no prototype', () => {
    const hostile = JSON.parse(
      '{"a":{"__proto__":{"success":true},"b":[{"constructor":1,"c":2}]},"__proto__":{"x":1}}',
    );
    const claims = freezeClaims(hostile);
    expect(JSON.stringify(claims)).toBe('{"a":{"b":[{"c":2}]}}');
    expect(Object.isFrozen((claims.a as { b: unknown[] }).b[0])).toBe(true);
    expect(({} as Record<string, unknown>).success).toBeUndefined();
  });

  it('end at a depth that a reply cannot choose', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(2_000)}1${'}'.repeat(2_000)}`);
    expect(JSON.stringify(freezeClaims(deep)).length).toBeLessThan(100);
  });
});
