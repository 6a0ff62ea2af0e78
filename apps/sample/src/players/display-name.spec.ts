import { describe, expect, it } from '@jest/globals';
import { displayNameFrom } from './display-name.js';

describe('displayNameFrom', () => {
  it.each([
    ['Björn Åkesson', 'Björn Åkesson'],
    ['  Asha ', 'Asha'],
    ['A\u0000s\u001b[31mha\r\n', 'As[31mha'],
    ['half \ud800 character', 'half � character'],
    ['\u202Eevil', 'evil'],
    ['', null],
    [' \u0000 ', null],
    [undefined, null],
  ])('makes %j into %j', (name, shown) => {
    expect(displayNameFrom(name)).toBe(shown);
  });

  it('keeps 64 characters and cuts none in half', () => {
    expect(displayNameFrom('🎮'.repeat(80))).toBe('🎮'.repeat(64));
  });
});
