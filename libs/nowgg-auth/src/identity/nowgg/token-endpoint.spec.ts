import { describe, expect, it } from '@jest/globals';
import { readExpiry, readRefreshExpiry } from './token-endpoint.js';

const AT = Date.UTC(2026, 5, 1, 12);

describe('an expiry', () => {
  it.each([
    ['an ISO date', '2026-06-01T12:00:00.000Z'],
    ['an ISO date without a zone', '2026-06-01T12:00:00'],
    ['a date as databases write it', '2026-06-01 12:00:00.000'],
    ['an ISO date of another zone', '2026-06-01T14:00:00+02:00'],
    ['an RFC date', 'Mon, 01 Jun 2026 12:00:00 GMT'],
    ['an RFC date without a zone', 'Mon, 01 Jun 2026 12:00:00'],
    ['epoch seconds', String(AT / 1000)],
    ['epoch seconds as a number', AT / 1000],
    ['epoch milliseconds', String(AT)],
    ['epoch milliseconds as a number', AT],
  ])('is read from %s', (_form, value) => {
    expect(readExpiry(value)).toBe(AT);
  });

  it.each([[undefined], [null], ['3600'], [3600], [0], ['0']])('is unknown when %p is all that is said', (value) => {
    expect(readExpiry(value)).toBeUndefined();
  });

  it.each([
    ['tomorrow'],
    [''],
    [' '],
    ['-1'],
    [-1],
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

describe('the expiry of a refresh token', () => {
  const DAY = 86_400_000;

  it('is the stated time, or the latest that a date without a zone can mean', () => {
    expect(readRefreshExpiry(new Date(AT).toISOString(), AT - 1)).toBe(AT);
    expect(readRefreshExpiry(AT / 1000, AT - 1)).toBe(AT);
    expect(readRefreshExpiry('2026-06-01T12:00:00', AT - 1)).toBe(AT + DAY);
    expect(readRefreshExpiry('2026-06-01 12:00:00', AT + DAY - 1)).toBe(AT + DAY);
  });

  it.each([
    ['zero', 0],
    ['a lifetime', 2_592_000],
    ['a time that is not after the reply', new Date(AT).toISOString()],
    ['a value that cannot be read', 'tomorrow'],
    ['nothing', undefined],
  ])('is unknown for %s, and the tokens are kept', (_what, value) => {
    expect(readRefreshExpiry(value, AT)).toBeUndefined();
  });
});
