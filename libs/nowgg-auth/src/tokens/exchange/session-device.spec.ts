import { describe, expect, it } from '@jest/globals';
import { deviceOfRequest, labelOf, sessionDevice } from './session-device.js';

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

const CHROME =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36';

describe('the device of a request', () => {
  const of = (agent: unknown, given = {}, more = {}) =>
    deviceOfRequest({ headers: { 'user-agent': agent as string } }, given, { devices: true, ...more });

  it.each<[unknown, string | undefined]>([
    [CHROME, 'Chrome, Windows'],
    [`${CHROME} Edg/131.0`, 'Edge, Windows'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604.1',
      'Safari, iPhone',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox, Linux'],
    ['okhttp/4.12.0', 'okhttp/4.12.0'],
    ['', undefined],
    [undefined, undefined],
    [['a', 'b'], undefined],
  ])('by its User-Agent %j is %j', (agent, device) => {
    expect(of(agent).device).toBe(device);
  });

  it('is the name that the client gives, if anything is left of it', () => {
    expect([of(CHROME, { device: 'My phone' }).device, of(CHROME, { device: '\u202e' }).device]).toEqual([
      'My phone',
      'Chrome, Windows',
    ]);
  });

  it('has the place that the application gives, and none where it fails', () => {
    const placeOf = (request: object) => (request as { headers: { 'user-agent': string } }).headers['user-agent'];
    const fails = () => {
      throw new Error('no');
    };
    expect([of('SE', {}, { placeOf }).place, of('SE', {}, { placeOf: fails }).place, of('SE').place]).toEqual([
      'SE',
      undefined,
      undefined,
    ]);
  });

  it('is not told where the application does not want it', () => {
    const deviceId = 'x'.repeat(16);
    const told = of(CHROME, { device: 'My phone', deviceId }, { devices: false, placeOf: () => 'SE' });
    expect(told).toEqual({ deviceId });
    expect(sessionDevice({ device: 'My phone', place: 'SE' }, false)).toEqual({});
  });
});

describe('the id of a device', () => {
  it('is kept as a hash, the same for the same id, and counts only with 16 to 128 characters', () => {
    const keyOf = (deviceId: string) => sessionDevice({ deviceId }, false).deviceKey;
    expect(keyOf('0123456789abcdef')).toMatch(/^[\w-]{43}$/);
    expect(keyOf('0123456789abcdef')).toBe(keyOf('0123456789abcdef'));
    expect(keyOf('0123456789abcdef')).not.toBe(keyOf('0123456789abcdeF'));
    expect(['', 'short', 'x'.repeat(129)].map(keyOf)).toEqual([undefined, undefined, undefined]);
  });
});
