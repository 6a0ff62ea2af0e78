import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { commonVerdictScope, verdictScopeOf } from './verdict-scope.js';
import { propertyRuns } from '../testing-support/property-runs.js';

const setting = fc.letrec((tie) => ({
  value: fc.oneof(
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.string({ minLength: 1 }), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const settings = fc.dictionary(
  fc.string({ minLength: 1 }).filter((name) => name !== 'clientSecret' && name !== '__proto__'),
  setting,
  { maxKeys: 5 },
);

/** What two settings have in common whatever the order of their names. */
const normal = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(normal);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, entry]) => [name, normal(entry)] as const);
  return entries.filter(([name]) => name !== 'clientSecret').toSorted(([a], [b]) => (a < b ? -1 : 1));
};

describe('the scope of verdicts', () => {
  it('is equal for equal settings in any order, and for no others', () => {
    const check = fc.property(settings, settings, (one, other) => {
      const reordered = Object.fromEntries(Object.entries(one).toReversed());
      const isSame = JSON.stringify(normal(one)) === JSON.stringify(normal(other));
      return (
        verdictScopeOf(one) === verdictScopeOf(reordered) && (verdictScopeOf(one) === verdictScopeOf(other)) === isSame
      );
    });
    expect(() => fc.assert(check, { numRuns: propertyRuns(2_000) })).not.toThrow();
  });

  it('changes with every single setting', () => {
    const check = fc.property(settings, fc.string({ minLength: 1 }), setting, (given, name, value) => {
      fc.pre(name !== 'clientSecret' && name !== '__proto__' && !Object.hasOwn(given, name));
      return verdictScopeOf(given) !== verdictScopeOf({ ...given, [name]: value });
    });
    expect(() => fc.assert(check, { numRuns: propertyRuns(2_000) })).not.toThrow();
  });

  it('does not know a client secret, at any depth, and not what it is told to leave out', () => {
    const scope = verdictScopeOf({ a: 1, deep: [{ b: 2 }] });
    expect(verdictScopeOf({ a: 1, clientSecret: 'x', deep: [{ b: 2, clientSecret: ['y', 'z'] }] })).toBe(scope);
    expect(verdictScopeOf({ a: 1, redirectUri: 'x', deep: [{ b: 2 }] }, ['redirectUri'])).toBe(scope);
    expect(verdictScopeOf({ a: 1, deep: [{ b: 2, redirectUri: 'x' }] }, ['redirectUri'])).not.toBe(scope);
  });

  it('takes an absent setting for an undefined one', () => {
    expect(verdictScopeOf({ a: 1, b: undefined })).toBe(verdictScopeOf({ a: 1 }));
  });

  it.each([
    ['a function', () => true],
    ['an expression', /x/],
    ['a symbol', Symbol('x')],
    ['a date', new Date(0)],
    ['NaN', NaN],
  ])('is unique with %s among the settings: what cannot be compared is not shared', (_, value) => {
    expect(verdictScopeOf({ value })).not.toBe(verdictScopeOf({ value }));
  });

  it('of several is told by their number and order', () => {
    const scopes = [[], ['a'], ['b'], ['a', 'b'], ['b', 'a'], ['ab'], ['a,b']].map(commonVerdictScope);
    expect(new Set(scopes).size).toBe(scopes.length);
  });
});
