import { describe, expect, it } from '@jest/globals';
import { arrayOf, faultsOf, matching, oneOf, type Rules, TRUE_OR_FALSE, wholeNumber } from './rules.js';

const rules: Rules = {
  name: [matching(/^[a-z]+$/), 'must be a word', 'required'],
  count: [wholeNumber(1, 5), 'must be a whole number, 1 to 5'],
  isOn: TRUE_OR_FALSE,
  part: (part = {}, name) =>
    faultsOf({ kinds: [arrayOf(oneOf('a', 'b')), 'must be an array of a and b'] }, part, `${name}.`),
};

describe('faultsOf', () => {
  it('finds none where every option is good or absent', () => {
    expect(faultsOf(rules, { name: 'x' })).toEqual([]);
    expect(faultsOf(rules, { name: 'x', count: 5, isOn: false, part: { kinds: ['a'] } })).toEqual([]);
    expect(faultsOf(rules, { name: 'x', count: undefined, part: undefined })).toEqual([]);
  });

  it('names every fault at once, with the path of the option and without its value', () => {
    expect(
      faultsOf(rules, { nme: 'hunter2', count: 1.5, isOn: 'hunter2', part: { kinds: ['hunter2'], kind: 0 } }),
    ).toEqual([
      'unknown option nme',
      'name must be a word',
      'count must be a whole number, 1 to 5',
      'isOn must be true or false',
      'unknown option part.kind',
      'part.kinds must be an array of a and b',
    ]);
  });

  it('takes null for absent only where that is asked for, and never for a required option', () => {
    expect(faultsOf(rules, { name: 'x', isOn: null })).toEqual(['isOn must be true or false']);
    expect(faultsOf(rules, { name: 'x', isOn: null, part: null }, '', [undefined, null])).toEqual([]);
    expect(faultsOf(rules, { name: null }, '', [undefined, null])).toEqual(['name must be a word']);
  });

  it.each([undefined, null, 'x', 5, [], () => ({})])('refuses %p in place of an object', (value) => {
    expect(faultsOf(rules, value)).toEqual(['the options must be an object']);
    expect(faultsOf(rules, value, 'a.b.')).toEqual(['a.b must be an object']);
  });

  it.each(['__proto__', 'constructor', 'toString'])('does not know an option %s', (name) => {
    expect(faultsOf(rules, JSON.parse(`{ "name": "x", "${name}": { "count": 9 } }`))).toEqual([
      `unknown option ${name}`,
    ]);
  });
});
