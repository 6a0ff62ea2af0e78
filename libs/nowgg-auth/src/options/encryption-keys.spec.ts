import { describe, expect, it } from '@jest/globals';
import { strongKey } from '../testing-support/strong-key.js';
import { parseEncryptionKeys } from './encryption-keys.js';

describe('parseEncryptionKeys', () => {
  it('reads a ring in its order, with spaces around the pairs', () => {
    const text = ` k2:${strongKey(2)} , k1:${strongKey(1)}\n`;
    expect(parseEncryptionKeys(text)).toEqual([
      { id: 'k2', key: strongKey(2) },
      { id: 'k1', key: strongKey(1) },
    ]);
  });

  it.each([undefined, '', '  '])('reads no keys from %p', (text) => {
    expect(parseEncryptionKeys(text)).toEqual([]);
  });

  it.each(['secret-text', 'k1:short', `k1:${strongKey(1)},`, `k 1:${strongKey(1)}`])(
    'refuses %p and does not quote it',
    (text) => {
      expect(() => parseEncryptionKeys(text)).toThrow('encryption keys cannot be read');
      expect(() => parseEncryptionKeys(text)).not.toThrow(text.slice(0, 8));
    },
  );
});
