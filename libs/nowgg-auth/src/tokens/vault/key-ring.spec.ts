import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NowggConfigurationError } from '../../errors.js';
import { NOWGG_SECURITY_CHANNEL, type NowggSecurityEvent } from '../../events/security-events.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { checkKeys } from './key-checks.js';
import { KeyRing, type SealContext, SealedTextError } from './key-ring.js';
import { MemoryTokenStore } from '../store/memory/memory-token-store.js';
import { sealInFirstVersion } from '../testing-support/first-version.js';
import { KEY_1, KEY_2 } from '../testing-support/token-service-under-test.js';
import { propertyRuns } from '../../testing-support/property-runs.js';

const context: SealContext = {
  purpose: 'refresh',
  id: 'grant-1',
  provider: 'nowgg',
  clientKey: 'client-1',
  userId: 'player-1',
  sessionVersion: 1,
  generation: 3,
};
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

  it('has one key for fingerprints of client secrets, whichever key of the ring is first', () => {
    const orders = [
      [KEY_1, KEY_2],
      [KEY_2, KEY_1],
    ].map((keys) => new KeyRing(keys).secretFingerprintKey);
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toEqual(new KeyRing([KEY_2]).secretFingerprintKey);
  });

  it('seals the same text differently every time and never shows it', () => {
    const [one, two] = [ring.seal('refresh-token', context), ring.seal('refresh-token', context)];
    expect(one.equals(two)).toBe(false);
    expect(one.includes('refresh-token')).toBe(false);
  });

  it('writes version, key id, nonce, tag and text in this order', () => {
    const sealed = ring.seal('text', context);
    expect([sealed[0], sealed[1], sealed.toString('latin1', 2, 4)]).toEqual([2, 2, 'k1']);
    expect(sealed).toHaveLength(4 + 12 + 16 + 4);
  });

  it.each([
    ['another column', { purpose: 'access' }],
    ['another row', { id: 'grant-2' }],
    ['another provider', { provider: 'other' }],
    ['another client', { clientKey: 'client-2' }],
    ['a row of another user', { userId: 'player-2' }],
    ['another session version', { sessionVersion: 2 }],
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
    expect(faultOf(() => ring.open(Buffer.concat([Buffer.from([3]), sealed.subarray(1)]), context))).toBe('malformed');
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
    expect(error.message).toBe('a ciphertext cannot be decrypted: tampered');
  });

  describe('in the first version', () => {
    const old = sealInFirstVersion(KEY_1, 'text', context);

    it('goes on opening what an earlier build sealed, whatever the provider, user and session version', () => {
      expect(ring.open(old, context)).toBe('text');
      expect(ring.open(old, { ...context, provider: 'other', userId: 'player-2', sessionVersion: 9 })).toBe('text');
    });

    it('opens nothing more once that version is closed, but for the check of a key', () => {
      const closed = new KeyRing([KEY_1], { openFirstVersion: false });
      expect(faultOf(() => closed.open(old, context))).toBe('malformed');
      expect(closed.open(closed.seal('text', context), context)).toBe('text');
      const check = { ...context, purpose: 'key-check' } as const;
      expect(closed.open(sealInFirstVersion(KEY_1, 'text', check), check)).toBe('text');
    });

    it('does not open what was sealed in the second with its version byte changed, nor the other way round', () => {
      const relabelled = (sealed: Buffer, version: number) =>
        Buffer.concat([Buffer.from([version]), sealed.subarray(1)]);
      expect(faultOf(() => ring.open(relabelled(ring.seal('text', context), 1), context))).toBe('tampered');
      expect(faultOf(() => ring.open(relabelled(old, 2), context))).toBe('tampered');
    });
  });

  describe('for any context', () => {
    const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 6 }), fc.constantFrom('', '1', 'a', 'ab'));
    const contexts: fc.Arbitrary<SealContext> = fc.record({
      purpose: fc.constantFrom('access', 'refresh', 'exchange', 'authorization', 'key-check'),
      id: texts,
      provider: texts,
      clientKey: texts,
      userId: texts,
      sessionVersion: fc.nat(3),
      generation: fc.nat(3),
    });
    const BOUND = {
      1: ['purpose', 'id', 'clientKey', 'generation'],
      2: ['purpose', 'id', 'provider', 'clientKey', 'userId', 'sessionVersion', 'generation'],
    } as const;

    it.each([1, 2] as const)('opens a text of version %d in its own context and in no other', (version) => {
      fc.assert(
        fc.property(contexts, contexts, fc.subarray([...BOUND[2]]), (sealedFor, other, changed) => {
          const sealed = version === 1 ? sealInFirstVersion(KEY_1, 'text', sealedFor) : ring.seal('text', sealedFor);
          const openedFor = { ...sealedFor, ...Object.fromEntries(changed.map((name) => [name, other[name]])) };
          const differs = BOUND[version].some((name) => openedFor[name] !== sealedFor[name]);
          expect(faultOf(() => ring.open(sealed, openedFor))).toBe(differs ? 'tampered' : 'text');
        }),
        { numRuns: propertyRuns(500) },
      );
    });
  });
});

describe('a weak key', () => {
  const WEAK = { id: 'weak', key: Buffer.from('9f86d081884c7d659a2feaa0c55ad015').toString('base64') };
  let events: NowggSecurityEvent[];
  const listen = (event: unknown) => void events.push(event as NowggSecurityEvent);

  beforeEach(() => {
    events = [];
    subscribe(NOWGG_SECURITY_CHANNEL, listen);
  });
  afterEach(() => void unsubscribe(NOWGG_SECURITY_CHANNEL, listen));

  it('is refused as the first one, by the name of the option and with an event', () => {
    expect(() => new KeyRing([WEAK, KEY_1])).toThrow(/^tokens\.encryptionKeys\[0\]\.key is text.*32 random bytes/);
    expect(events).toMatchObject([{ type: 'refused_key' }]);
    expect(JSON.stringify(events)).not.toContain(WEAK.key);
  });

  it('behind a strong one opens what it sealed, and is told of at the start', async () => {
    const withWeak = new KeyRing([KEY_1, WEAK]);
    expect(withWeak.open(sealInFirstVersion(WEAK, 'text', context), context)).toBe('text');
    await checkKeys(new MemoryTokenStore(new ManualClock()), withWeak);
    expect(events).toEqual([{ type: 'refused_key', detail: expect.stringMatching(/the key 'weak' is text/) }]);
  });
});
