import { describe, expect, it } from '@jest/globals';
import { grantRecordOf } from './grant-row.js';

const stored = {
  id: '0c7f6a52-5f0e-4c5c-9d53-6f1f4a0f9a11',
  provider: 'nowgg',
  client_key: 'client',
  user_id: 'player "one" \\ ü',
  session_id: null,
  state: 'active',
  generation: 3,
  session_version: 1,
  refresh_ct: '\\x00ff5c',
  access_ct: '\\x',
  access_obtained_at: '2026-11-22T02:13:59.123456+00:00',
  access_not_after: null,
  refresh_not_after: null,
  lease_owner: null,
  lease_until: null,
  attempt_started_at: null,
  fail_count: 0,
  fail_code: null,
  fail_counted_at: null,
  next_attempt_at: null,
  created_at: '2026-11-22T02:13:59+00:00',
  updated_at: '2026-11-22T02:13:59+00:00',
};

function read(changes: Partial<Record<keyof typeof stored, unknown>> = {}) {
  return grantRecordOf({ grant: JSON.stringify({ ...stored, ...changes }), readAtMs: 5 });
}

describe('a row of nowgg_grant', () => {
  it('keeps the microseconds of its times', () => {
    expect(read().accessObtainedAtMs).toBeCloseTo(Date.UTC(2026, 10, 22, 2, 13, 59) + 123.456, 3);
    expect(read().createdAtMs).toBe(Date.UTC(2026, 10, 22, 2, 13, 59));
  });

  it('has the same times in every time zone of a session', () => {
    const elsewhere = read({ access_obtained_at: '2026-11-22T07:43:59.123456+05:30' });
    expect(elsewhere.accessObtainedAtMs).toBe(read().accessObtainedAtMs);
  });

  it('may have a time in a year of five digits', () => {
    const { accessTokenExpiresAtMs } = read({ access_not_after: '33658-09-27T01:46:39+00:00' });
    expect(accessTokenExpiresAtMs).toBe(999_999_999_999_000);
  });

  it.each([
    ['infinity', Infinity],
    ['294276-12-31T23:59:59+00:00', Infinity],
    ['-infinity', -Infinity],
    ['4713-11-24T00:00:00+00:00 BC', -Infinity],
  ])('may have the time %s, which is infinitely far away', (time, expected) => {
    expect(read({ access_not_after: time }).accessTokenExpiresAtMs).toBe(expected);
  });

  it('has the same bytes in both formats of bytea_output', () => {
    expect(read().refreshCiphertext).toEqual(Buffer.from([0, 255, 92]));
    expect(read({ refresh_ct: '\\000\\377\\\\' }).refreshCiphertext).toEqual(Buffer.from([0, 255, 92]));
    expect(read().accessCiphertext).toEqual(Buffer.alloc(0));
  });

  it('says undefined for what is absent', () => {
    const { sessionId, leaseOwner, leaseUntilMs, failCode, userId, readAtMs } = read();
    expect({ sessionId, leaseOwner, leaseUntilMs, failCode }).toEqual({});
    expect({ userId, readAtMs }).toEqual({ userId: stored.user_id, readAtMs: 5 });
  });
});
