import { describe, expect, it } from '@jest/globals';
import { NowggConfigurationError } from '../errors.js';
import { KeyRing, type SealContext, SealedTextError } from './key-ring.js';
import { KEY_1, KEY_2 } from './testing-support/token-service-under-test.js';

const context: SealContext = { purpose: 'refresh', id: 'grant-1', clientKey: 'client-1', generation: 3 };
const ring = new KeyRing([KEY_1]);
const faultOf = (open: () => unknown): unknown => {
  try {
    return open();
  } catch (error) {
    return error instanceof SealedTextError ? error.fault : error;
  }
};

describe('KeyRing', () => {
  it('opens what it sealed, any text', () => {
    for (const text of ['', 'refresh-token', 'ü€😀', 'x'.repeat(8_192)]) {
      expect(ring.open(ring.seal(text, context), context)).toBe(text);
    }
  });

  it('seals the same text differently every time and never shows it', () => {
    const [one, two] = [ring.seal('refresh-token', context), ring.seal('refresh-token', context)];
    expect(one.equals(two)).toBe(false);
    expect(one.includes('refresh-token')).toBe(false);
  });

  it('writes version, key id, nonce, tag and text in this order', () => {
    const sealed = ring.seal('text', context);
    expect([sealed[0], sealed[1], sealed.toString('latin1', 2, 4)]).toEqual([1, 2, 'k1']);
    expect(sealed).toHaveLength(4 + 12 + 16 + 4);
  });

  it.each([
    ['another column', { purpose: 'access' }],
    ['another row', { id: 'grant-2' }],
    ['another client', { clientKey: 'client-2' }],
    ['another generation', { generation: 4 }],
  ] as const)('does not open in %s', (_place, moved) => {
    const sealed = ring.seal('text', context);
    expect(faultOf(() => ring.open(sealed, { ...context, ...moved }))).toBe('tampered');
  });

  it('does not confuse contexts whose parts join to the same text', () => {
    const sealed = ring.seal('text', { ...context, id: 'ab', clientKey: 'c' });
    expect(faultOf(() => ring.open(sealed, { ...context, id: 'a', clientKey: 'bc' }))).toBe('tampered');
  });

  it('does not open with any single bit flipped', () => {
    const sealed = ring.seal('text', context);
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(['tampered', 'malformed', 'unknown_key']).toContain(faultOf(() => ring.open(flipped, context)));
    }
  });

  it('does not open when it is cut anywhere', () => {
    const sealed = ring.seal('text', context);
    for (let length = 0; length < sealed.length; length += 1) {
      const fault = faultOf(() => ring.open(sealed.subarray(0, length), context));
      expect(['tampered', 'malformed']).toContain(fault);
    }
  });

  it('tells an unknown version from an unknown key', () => {
    const sealed = ring.seal('text', context);
    expect(faultOf(() => ring.open(Buffer.concat([Buffer.from([2]), sealed.subarray(1)]), context))).toBe('malformed');
    expect(faultOf(() => new KeyRing([KEY_2]).open(sealed, context))).toBe('unknown_key');
  });

  it('seals with the first key and opens with all', () => {
    const both = new KeyRing([KEY_2, KEY_1]);
    expect(both.open(ring.seal('text', context), context)).toBe('text');
    expect(faultOf(() => ring.open(both.seal('text', context), context))).toBe('unknown_key');
  });

  it('does not open under another key with the same id', () => {
    const impostor = new KeyRing([{ id: KEY_1.id, key: KEY_2.key }]);
    expect(faultOf(() => impostor.open(ring.seal('text', context), context))).toBe('tampered');
  });

  it.each([
    ['no key', []],
    ['a short key', [{ id: 'k', key: Buffer.alloc(16).toString('base64') }]],
    ['an id that is too long', [{ ...KEY_1, id: 'k'.repeat(33) }]],
    ['one id twice', [KEY_1, { ...KEY_2, id: KEY_1.id }]],
  ])('refuses %s and names no key', (_what, keys) => {
    expect(() => new KeyRing(keys)).toThrow(NowggConfigurationError);
    expect(() => new KeyRing(keys)).not.toThrow(
      expect.objectContaining({ message: expect.stringContaining(KEY_1.key) }),
    );
  });

  it('says in its errors nothing about the text', () => {
    const error = new SealedTextError('tampered');
    expect(error.message).toBe('a sealed text does not open: tampered');
  });
});
