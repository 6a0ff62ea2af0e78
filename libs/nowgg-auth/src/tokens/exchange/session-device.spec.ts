import { describe, expect, it } from '@jest/globals';
import { labelOf, sessionDevice } from './session-device.js';

describe('the name of a device', () => {
  it.each<[unknown, string | undefined]>([
    ['My phone', 'My phone'],
    ['  Télé 📱 de\tmoi\r\n', 'Télé 📱 de moi'],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
    ['a\u202eb\u2066c\u200bd', 'a b c d'],
    ['broken \ud800 half', 'broken half'],
    ['\u0000\u2028 \u202e', undefined],
    ['', undefined],
    [17, undefined],
    [{ toString: () => 'phone' }, undefined],
    [null, undefined],
    ['x'.repeat(65), 'x'.repeat(64)],
    ['📱'.repeat(70), '📱'.repeat(64)],
    [`${' '.repeat(600)}late`, undefined],
  ])('%j is shown as %j', (given, label) => {
    expect(labelOf(given)).toBe(label);
  });

  it('of a million characters costs no more than a short one', () => {
    expect(labelOf('\u202e'.repeat(1_000_000))).toBeUndefined();
  });
});

describe('the id of a device', () => {
  it('is kept as a hash, the same for the same id, and counts only with 16 to 128 characters', () => {
    const keyOf = (deviceId: string) => sessionDevice({ deviceId }).deviceKey;
    expect(keyOf('0123456789abcdef')).toMatch(/^[\w-]{43}$/);
    expect(keyOf('0123456789abcdef')).toBe(keyOf('0123456789abcdef'));
    expect(keyOf('0123456789abcdef')).not.toBe(keyOf('0123456789abcdeF'));
    expect(['', 'short', 'x'.repeat(129)].map(keyOf)).toEqual([undefined, undefined, undefined]);
  });
});
