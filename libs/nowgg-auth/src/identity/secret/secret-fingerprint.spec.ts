import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { nowgg } from '../nowgg/nowgg.js';
import { fingerprintSecret } from './secret-fingerprint.js';

const key = Buffer.alloc(32, 7);
const context = { http: undefined as never, clock: new ManualClock(), clockSkewMs: 5_000 };
const of = (clientSecret: string, clientId = 'game') =>
  nowgg({ clientId, clientSecret }).create(context).secretFingerprint(key);

describe('the fingerprint of a client secret', () => {
  it('is the same wherever the client has the same secret, and only there', () => {
    expect(of('secret')).toBe(of('secret'));
    expect(new Set([of('secret'), of('other'), of('secret', 'other-game')]).size).toBe(3);
  });

  it('depends on the key, and shows nothing of the secret', () => {
    expect(fingerprintSecret(Buffer.alloc(32, 8), 'client', 'secret')).not.toBe(
      fingerprintSecret(key, 'client', 'secret'),
    );
    expect(of('secret')).toMatch(/^[\w-]{22}$/);
  });
});
