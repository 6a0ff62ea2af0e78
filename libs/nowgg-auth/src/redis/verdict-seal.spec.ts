import { describe, expect, it } from '@jest/globals';
import { VerdictSeal } from './verdict-seal.js';

const seal = new VerdictSeal(Buffer.alloc(32, 1));
const sealed = seal.seal('secret text', 'key');

describe('VerdictSeal', () => {
  it('opens what it sealed, and every process with the same key does', () => {
    expect(new VerdictSeal(Buffer.alloc(32, 1)).open(sealed, 'key')).toBe('secret text');
  });

  it('never seals twice alike and shows nothing', () => {
    expect(seal.seal('secret text', 'key').equals(sealed)).toBe(false);
    expect(sealed.includes('secret')).toBe(false);
  });

  it('opens nothing under another cache key, also one that differs beyond Latin-1 only', () => {
    expect(seal.open(sealed, 'kez')).toBeUndefined();
    const twin = seal.seal('x', '\u0141');
    expect(seal.open(twin, '\u0041')).toBeUndefined();
  });

  it('opens nothing under another sealing key', () => {
    expect(new VerdictSeal(Buffer.alloc(32, 2)).open(sealed, 'key')).toBeUndefined();
  });

  it('opens nothing that was changed in any byte, or cut', () => {
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      expect(seal.open(changed, 'key')).toBeUndefined();
      expect(seal.open(sealed.subarray(0, index), 'key')).toBeUndefined();
    }
  });
});
