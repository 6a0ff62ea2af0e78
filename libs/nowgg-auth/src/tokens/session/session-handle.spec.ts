import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { KeyRing } from '../vault/key-ring.js';
import { isSessionHandleShaped, readSessionHandle, sessionHandle } from './session-handle.js';
import { handleOfFirstForm, handleOfSecondForm } from '../testing-support/first-version.js';
import { KEY_1, KEY_2 } from '../testing-support/token-service-under-test.js';

const ring = new KeyRing([KEY_1]);
const OWNER = { provider: 'nowgg', clientKey: 'client-1' };
const handleOf = (of: KeyRing, id: string, sessionVersion: number, owner = OWNER, handleVersion = 1) =>
  sessionHandle(of, { id, sessionVersion, handleVersion, ...owner });
/** A forger does not mind which handle of a session it is. */
const bothForms = (id: string) => [handleOf(ring, id, 1), handleOf(ring, id, 1, OWNER, 2)];
const read = (of: KeyRing, handle: string, owners = [OWNER]) => readSessionHandle(of, handle, owners);

describe('session handle', () => {
  it('names grant and session version, the same each time', () => {
    const grantId = randomUUID();
    const handle = handleOf(ring, grantId, 7);
    expect(read(ring, handle)).toEqual({
      grantId,
      sessionVersion: 7,
      handleVersion: 1,
      keyId: 'k1',
      owner: OWNER,
      outdated: false,
    });
    expect(handleOf(ring, grantId, 7)).toBe(handle);
    expect(isSessionHandleShaped(handle)).toBe(true);
  });

  it('is read under any key of the ring and called outdated under all but the first', () => {
    const handle = handleOf(ring, randomUUID(), 1);
    expect(read(new KeyRing([KEY_2, KEY_1]), handle)?.outdated).toBe(true);
    expect(read(new KeyRing([KEY_2]), handle)).toBeUndefined();
  });

  it('is not read with any character changed', () => {
    const changed = bothForms(randomUUID()).flatMap((handle) =>
      Array.from(handle, (character, at) => {
        const other = character === '.' ? '-' : character === 'A' ? 'a' : 'A';
        return handle.slice(0, at) + other + handle.slice(at + 1);
      }),
    );
    for (const forged of changed) expect(read(ring, forged)).toBeUndefined();
  });

  it('has one spelling, although the last character of a base64 part has bits to spare', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    for (const handle of bothForms(randomUUID())) {
      const spellings = Array.from(alphabet, (last) => handle.slice(0, -1) + last);
      expect(spellings.filter((spelling) => read(ring, spelling) !== undefined)).toEqual([handle]);
    }
  });

  it('is not read for the session version that a forger would like', () => {
    const grantId = randomUUID();
    const [one, two] = [handleOf(ring, grantId, 1), handleOf(ring, grantId, 2)];
    expect(read(ring, `${two.split('.')[0]}.${one.split('.')[1]}`)).toBeUndefined();
  });

  it('names its version, which the first handle of a session does not, as in the builds before', () => {
    const grantId = randomUUID();
    for (const version of [2, 3, 2_147_483_647]) {
      const later = handleOf(ring, grantId, 7, OWNER, version);
      expect(read(ring, later)).toMatchObject({ grantId, sessionVersion: 7, handleVersion: version, owner: OWNER });
      expect(isSessionHandleShaped(later)).toBe(true);
    }
    expect(handleOf(ring, grantId, 7)).toBe(handleOfSecondForm(KEY_1, grantId, 7, OWNER));
  });

  it('is not read for another version of it, nor without one', () => {
    const grantId = randomUUID();
    const [first, second, third] = [1, 2, 3].map((version) => handleOf(ring, grantId, 1, OWNER, version).split('.'));
    const parts = [first, second, third] as string[][];
    const crossed = parts.flatMap(([name]) => parts.map(([, mac]) => `${name}.${mac}`));
    const none = undefined;
    const versions = [1, none, none, none, 2, none, none, none, 3];
    expect(crossed.map((handle) => read(ring, handle)?.handleVersion)).toEqual(versions);
  });

  it.each(['', '.', 'a.b', randomUUID(), 'x'.repeat(10_000)])('is not shaped like %p', (text) => {
    expect(isSessionHandleShaped(text)).toBe(false);
    expect(read(ring, text)).toBeUndefined();
  });

  it('names the key that made it and the client that it is for', () => {
    const other = { provider: 'other', clientKey: 'client-2' };
    const handle = handleOf(ring, randomUUID(), 1, other);
    const reference = read(new KeyRing([KEY_2, KEY_1]), handle, [OWNER, other]);
    expect(reference).toMatchObject({ keyId: 'k1', owner: other, outdated: true });
  });

  it.each([
    ['another client', { provider: 'nowgg', clientKey: 'client-2' }],
    ['another provider', { provider: 'other', clientKey: 'client-1' }],
    ['a client whose name begins where the provider ends', { provider: 'now', clientKey: 'ggclient-1' }],
  ])('is not genuine for %s', (_who, other) => {
    expect(read(ring, handleOf(ring, randomUUID(), 1, other))).toBeUndefined();
  });

  it('of the first form is read for no particular client, and called outdated', () => {
    const grantId = randomUUID();
    const handle = handleOfFirstForm(KEY_1, grantId, 3);
    const reference = { grantId, sessionVersion: 3, handleVersion: 1, keyId: 'k1', owner: undefined, outdated: true };
    expect(read(ring, handle)).toEqual(reference);
    expect(read(new KeyRing([KEY_2]), handle)).toBeUndefined();
  });
});
