import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isRefreshable } from '../store/grant-record.js';
import { KeyRing } from './key-ring.js';
import { NO_REFRESH_TOKEN } from './vault.js';

const KEY = randomBytes(32).toString('base64');
const context = { id: 'g', provider: 'p', clientKey: 'c', userId: 'u', sessionVersion: 1, generation: 1 };

describe('a grant without a refresh token', () => {
  it('is told from every other one by its row alone, whatever the key is called', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9-]{1,32}$/), fc.string({ minLength: 1, maxLength: 60 }), (id, token) => {
        const ring = new KeyRing([{ id, key: KEY }]);
        const sealed = (text: string) => ring.seal(text, { ...context, purpose: 'refresh' });
        expect(isRefreshable({ refreshCiphertext: sealed(NO_REFRESH_TOKEN) })).toBe(false);
        expect(isRefreshable({ refreshCiphertext: sealed(token) })).toBe(true);
      }),
    );
  });

  it('is not one whose ciphertexts were deleted', () => {
    expect(isRefreshable({ refreshCiphertext: Buffer.alloc(0) })).toBe(true);
  });
});
