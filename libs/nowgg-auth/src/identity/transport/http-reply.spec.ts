import { describe, expect, it } from '@jest/globals';
import { readRetryAfterMs } from './http-reply.js';

const NOW = Date.UTC(2026, 0, 1);

describe('Retry-After', () => {
  it.each([
    ['7', 7_000],
    ['0', 0],
    ['1000000000', 1e12],
    [new Date(NOW + 9_000).toUTCString(), 9_000],
    [new Date(NOW - 9_000).toUTCString(), 0],
    ['-1', undefined],
    ['1e9', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%p means %p ms', (header, expected) => {
    expect(readRetryAfterMs(header, undefined, NOW)).toBe(expected);
  });

  it('falls back to X-Rate-Limit-Reset in epoch seconds', () => {
    expect(readRetryAfterMs(undefined, String(NOW / 1000 + 3), NOW)).toBe(3_000);
  });
});
