import { describe, expect, it } from '@jest/globals';
import { accessTokenZone } from './access-token-zone.js';
import { type GrantRecord, newGrantRecord } from '../store/grant-record.js';

const timing = { refreshMarginMs: 60_000, mandatoryMs: 30_000 };
/** The middle of the jitter: factor 1. */
const MIDDLE = '00000000-0000-4000-8000-000080000000';

const grantOf = (lifeMs: number | undefined, id = MIDDLE): GrantRecord =>
  newGrantRecord(
    {
      id,
      provider: 'nowgg',
      clientKey: 'client-key',
      userId: 'player-1',
      sessionId: undefined,
      refreshCiphertext: Buffer.alloc(0),
      accessCiphertext: Buffer.alloc(0),
      accessTokenExpiresAtMs: lifeMs,
      refreshTokenExpiresAtMs: undefined,
    },
    0,
  );
const zoneAt = (lifeMs: number | undefined, leftMs: number, minValidityMs = 0, id = MIDDLE) =>
  accessTokenZone(grantOf(lifeMs, id), timing, { minValidityMs }, (lifeMs ?? 0) - leftMs);

describe('accessTokenZone', () => {
  it('divides an hour into fresh, the last tenth, the last half minute, and the rest', () => {
    expect(zoneAt(3_600_000, 360_001)).toBe('fresh');
    expect(zoneAt(3_600_000, 360_000)).toBe('advisory');
    expect(zoneAt(3_600_000, 30_001)).toBe('advisory');
    expect(zoneAt(3_600_000, 30_000)).toBe('mandatory');
    expect(zoneAt(3_600_000, 1)).toBe('mandatory');
    expect(zoneAt(3_600_000, 0)).toBe('expired');
  });

  it('keeps the first half of a short life fresh and makes its last quarter mandatory', () => {
    expect(zoneAt(40_000, 20_001)).toBe('fresh');
    expect(zoneAt(40_000, 20_000)).toBe('advisory');
    expect(zoneAt(40_000, 10_000)).toBe('mandatory');
  });

  it('lets a caller who needs more than is left wait for the refresh', () => {
    expect(zoneAt(3_600_000, 1_800_000, 1_800_001)).toBe('mandatory');
    expect(zoneAt(3_600_000, 1_800_000, 1_800_000)).toBe('fresh');
  });

  it('does not refresh a new token for a caller who asks for more than its whole life', () => {
    expect(zoneAt(3_600_000, 3_599_000, 86_400_000)).toBe('fresh');
  });

  it('calls a token of unknown expiry expired, so that it is refreshed at its next use', () => {
    expect(zoneAt(undefined, 0)).toBe('expired');
  });

  it('spreads grants over a fifth to either side, each in the same way everywhere', () => {
    const early = '00000000-0000-4000-8000-0000ffffffff';
    const late = '00000000-0000-4000-8000-000000000000';
    expect(zoneAt(3_600_000, 431_000, 0, early)).toBe('advisory');
    expect(zoneAt(3_600_000, 433_000, 0, early)).toBe('fresh');
    expect(zoneAt(3_600_000, 287_000, 0, late)).toBe('advisory');
    expect(zoneAt(3_600_000, 289_000, 0, late)).toBe('fresh');
  });
});
