import { describe, expect, it } from '@jest/globals';
import { readExpiry } from './token-endpoint.js';

const AT = Date.UTC(2026, 5, 1, 12);

describe('an expiry', () => {
  it.each([
    ['an ISO date', '2026-06-01T12:00:00.000Z'],
    ['an RFC date', 'Mon, 01 Jun 2026 12:00:00 GMT'],
    ['epoch seconds', String(AT / 1000)],
    ['epoch seconds as a number', AT / 1000],
    ['epoch milliseconds', String(AT)],
    ['epoch milliseconds as a number', AT],
  ])('is read from %s', (_form, value) => {
    expect(readExpiry(value)).toBe(AT);
  });

  it.each([[undefined], [null], ['3600'], [3600]])('is unknown when %p is all that is said', (value) => {
    expect(readExpiry(value)).toBeUndefined();
  });

  it.each([
    ['tomorrow'],
    [''],
    [' '],
    ['-1'],
    [-1],
    [0],
    ['1e9'],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
    [true],
    [{}],
    ['1 Jan'],
    [9e18],
  ])('cannot be read from %p', (value) => {
    expect(readExpiry(value)).toBe('unreadable');
  });
});
