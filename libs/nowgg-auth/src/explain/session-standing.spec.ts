import { describe, expect, it } from '@jest/globals';
import type { Watermark } from '../revocation/marks/watermark.js';
import { type GrantRecord, newGrantRecord } from '../tokens/store/grant-record.js';
import { standingOf, troubleOf } from './session-standing.js';

const NOW = Date.UTC(2026, 5, 1);
const HOUR_MS = 3_600_000;
const SKEW_MS = 5_000;
/** An encrypted refresh token, and the encrypted empty text. */
const [TEXT, NO_TEXT] = [Buffer.alloc(90), Buffer.alloc(1 + 1 + 12 + 16)];

function grant(changes: Partial<GrantRecord> = {}): GrantRecord {
  const created = newGrantRecord(
    {
      id: '00000000-0000-4000-8000-000000000000',
      provider: 'nowgg',
      clientKey: 'client',
      userId: 'player',
      sessionId: 'session',
      refreshCiphertext: TEXT,
      accessCiphertext: TEXT,
      accessTokenExpiresAtMs: NOW + HOUR_MS,
      refreshTokenExpiresAtMs: undefined,
    },
    NOW - HOUR_MS,
  );
  return { ...created, readAtMs: NOW, ...changes };
}

function mark(changes: Partial<Watermark>): Watermark {
  const subject = { provider: 'nowgg', kind: 'user', id: 'player' } as const;
  return { ...subject, issuedUntilMs: undefined, refusedUntilMs: undefined, ...changes };
}
const signOut = (markedAtMs: number | undefined, changes: Partial<Watermark> = {}) =>
  mark({ issuedUntilMs: (markedAtMs ?? NOW) + SKEW_MS, markedAtMs, ...changes });
const refusal = {
  secret: 's',
  count: 2,
  runs: 1,
  firstAtMs: NOW - 1_000,
  untilMs: NOW + 1_000,
  confirmedAtMs: undefined,
};
const expired = { accessTokenExpiresAtMs: NOW };

describe('a session', () => {
  it.each<[string, Partial<GrantRecord>, readonly Watermark[], string]>([
    ['usable', {}, [], 'its access token is good until 2026-06-01T01:00:00.000Z'],
    ['usable', { accessTokenExpiresAtMs: undefined }, [], 'its access token states no expiry'],
    ['usable', { refreshCiphertext: NO_TEXT }, [], 'it has no refresh token; its access token is good until'],
    [
      'expired',
      { refreshCiphertext: NO_TEXT, ...expired },
      [],
      'it has no refresh token, and its access token expired',
    ],
    ['refresh_due', expired, [], 'the next use refreshes it'],
    ['refresh_due', { ...expired, refreshTokenExpiresAtMs: NOW - 1 }, [], 'its refresh token was to expire'],
    ['refreshing', { ...expired, leaseUntilMs: NOW + 1 }, [], 'has the lease of its refresh until'],
    ['refresh_due', { ...expired, leaseUntilMs: NOW }, [], 'its access token expired'],
    ['waiting', { ...expired, nextAttemptAtMs: NOW + 1 }, [], 'its last refresh failed; the next one begins'],
    ['waiting', { ...expired, refusal }, [], 'begins 2026-06-01T00:00:01.000Z at the earliest'],
    ['usable', { nextAttemptAtMs: NOW + 1 }, [], 'good until'],
    [
      'in_doubt',
      { state: 'suspect', failCode: 'invalid_token' },
      [],
      'refused it (invalid_token), and it is not certain',
    ],
    ['in_doubt', { state: 'suspect', ...expired }, [], 'get 503 until a refresh decides'],
    [
      'needs_sign_in',
      { state: 'needs_reauth', failCode: 'invalid_grant' },
      [],
      'refused its refresh token (invalid_grant)',
    ],
    ['signed_out', { state: 'revoked' }, [], 'this application ended it'],
    ['signed_in_elsewhere', { state: 'revoked', failCode: 'signed_in_elsewhere' }, [], 'on another device ended it'],
    ['not_admitted', { state: 'revoked', failCode: 'too_many_sessions' }, [], 'as many sessions as are allowed'],
    ['banned', {}, [mark({ refusedUntilMs: NOW + 1 })], 'the user is banned until 2026-06-01T00:00:00.001Z'],
    ['banned', {}, [mark({ kind: 'session', refusedUntilMs: Infinity })], 'the session is banned until it is lifted'],
    ['usable', {}, [mark({ refusedUntilMs: NOW })], 'good until'],
    ['signed_out', {}, [signOut(NOW - HOUR_MS)], 'a sign-out of the user 2026-05-31T23:00:00.000Z covers it'],
    ['usable', {}, [signOut(NOW - HOUR_MS - 1)], 'good until'],
    ['signed_out', {}, [signOut(undefined)], 'a sign-out of the user at an unknown time covers it'],
    ['signed_in_elsewhere', {}, [signOut(NOW, { kind: 'session', cause: 'signed_in_elsewhere' })], 'covers it'],
    ['banned', {}, [signOut(NOW), mark({ kind: 'session', refusedUntilMs: NOW + 1 })], 'the session is banned'],
    ['signed_out', { state: 'revoked' }, [mark({ refusedUntilMs: NOW + 1 })], 'this application ended it'],
  ])('is %s: %#', (standing, changes, marks, why) => {
    const found = standingOf(grant(changes), marks, SKEW_MS);
    expect(found).toEqual({ standing, why: expect.stringContaining(why) });
  });

  it('tells what its row knows of refreshes that did not succeed, and no foreign text', () => {
    expect(troubleOf(grant())).toBeUndefined();
    const doubtful = { state: 'suspect', refusal, nextAttemptAtMs: NOW + 9, leaseUntilMs: NOW + 8 } as const;
    expect(troubleOf(grant({ ...doubtful, attemptStartedAtMs: NOW - 7, failCode: 'invalid_grant' }))).toEqual({
      code: 'invalid_grant',
      refusals: 2,
      series: 1,
      refusedSince: new Date(NOW - 1_000),
      attemptBeganAt: new Date(NOW - 7),
      leaseUntil: new Date(NOW + 8),
      nextAttemptAt: new Date(NOW + 9),
    });
    const foreign = grant({ state: 'needs_reauth', failCode: 'eyJhbGciOi.planted\u202e<b>' });
    expect(JSON.stringify([troubleOf(foreign), standingOf(foreign, [], SKEW_MS)])).not.toContain('planted');
    expect(troubleOf(grant({ state: 'revoked', failCode: 'signed_in_elsewhere' }))).toBeUndefined();
  });
});
