import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { KeyRing } from './key-ring.js';
import { isSessionHandleShaped, readSessionHandle, sessionHandle } from './session-handle.js';
import { KEY_1, KEY_2 } from './testing-support/token-service-under-test.js';

const ring = new KeyRing([KEY_1]);

describe('session handle', () => {
  it('names grant and session version, the same each time', () => {
    const grantId = randomUUID();
    const handle = sessionHandle(ring, grantId, 7);
    expect(readSessionHandle(ring, handle)).toEqual({ grantId, sessionVersion: 7, outdated: false });
    expect(sessionHandle(ring, grantId, 7)).toBe(handle);
    expect(isSessionHandleShaped(handle)).toBe(true);
  });

  it('is read under any key of the ring and called outdated under all but the first', () => {
    const handle = sessionHandle(ring, randomUUID(), 1);
    expect(readSessionHandle(new KeyRing([KEY_2, KEY_1]), handle)?.outdated).toBe(true);
    expect(readSessionHandle(new KeyRing([KEY_2]), handle)).toBeUndefined();
  });

  it('is not read with any character changed', () => {
    const handle = sessionHandle(ring, randomUUID(), 1);
    const changed = Array.from(handle, (character, at) => {
      const other = character === '.' ? '-' : character === 'A' ? 'a' : 'A';
      return handle.slice(0, at) + other + handle.slice(at + 1);
    });
    for (const forged of changed) expect(readSessionHandle(ring, forged)).toBeUndefined();
  });

  it('has one spelling, although the last character of a base64 part has bits to spare', () => {
    const handle = sessionHandle(ring, randomUUID(), 1);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const spellings = Array.from(alphabet, (last) => handle.slice(0, -1) + last);
    expect(spellings.filter((spelling) => readSessionHandle(ring, spelling) !== undefined)).toEqual([handle]);
  });

  it('is not read for the session version that a forger would like', () => {
    const grantId = randomUUID();
    const [one, two] = [sessionHandle(ring, grantId, 1), sessionHandle(ring, grantId, 2)];
    expect(readSessionHandle(ring, `${two.split('.')[0]}.${one.split('.')[1]}`)).toBeUndefined();
  });

  it.each(['', '.', 'a.b', randomUUID(), 'x'.repeat(10_000)])('is not shaped like %p', (text) => {
    expect(isSessionHandleShaped(text)).toBe(false);
    expect(readSessionHandle(ring, text)).toBeUndefined();
  });
});
