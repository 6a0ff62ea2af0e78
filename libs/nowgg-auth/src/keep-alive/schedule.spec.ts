import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { RefreshTokenIdle } from '../identity/identity-provider.js';
import { lapsesAtMs, renewalAtMs } from './schedule.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DAYS = 400;
/** A million grants are the campaign: NOWGG_KEEP_ALIVE_GRANTS=1000000. */
const GRANTS = Number(process.env.NOWGG_KEEP_ALIVE_GRANTS ?? 5_000);
const START = Date.UTC(2026, 0, 1);
const LOOK_EVERY_MS = HOUR_MS;

const grant = (changes: Partial<Parameters<typeof renewalAtMs>[0]> = {}) => ({
  id: '00000000-0000-4000-8000-0000000000ff',
  generation: 1,
  accessObtainedAtMs: START,
  accessTokenExpiresAtMs: START + HOUR_MS,
  refreshTokenExpiresAtMs: undefined,
  ...changes,
});

describe('the schedule', () => {
  it.each<[string, RefreshTokenIdle, number | undefined]>([
    ['14 days after the expiry of the access token', { ms: 14 * DAY_MS, since: 'access_expiry' }, undefined],
    ['30 days after the last use', { ms: 30 * DAY_MS, since: 'use' }, undefined],
    ['7 days as the identity system states', { ms: 100 * DAY_MS, since: 'use' }, 7 * DAY_MS],
  ])('of grants that end %s: no lapse in 400 days, calls ≤ 1.05 × the minimum, spread', (_what, idle, statedMs) => {
    let [calls, minimum, lapses] = [0, 0, 0];
    const byHour = new Map<number, number>();
    for (let n = 0; n < GRANTS; n += 1) {
      const id = randomUUID();
      // Every grant was made at the same moment: the worst case for the spread.
      for (let [generation, nowMs] = [1, START]; ; generation += 1) {
        const current = grant({
          id,
          generation,
          accessObtainedAtMs: nowMs,
          accessTokenExpiresAtMs: nowMs + HOUR_MS,
          refreshTokenExpiresAtMs: statedMs && nowMs + statedMs,
        });
        const lapses_ = lapsesAtMs(current, idle) as number;
        if (generation === 1) minimum += Math.floor((DAYS * DAY_MS) / (lapses_ - nowMs));
        const dueAt = renewalAtMs(current, idle) as number;
        // The first look after it.
        nowMs = START + Math.ceil((dueAt - START) / LOOK_EVERY_MS) * LOOK_EVERY_MS;
        if (nowMs - START > DAYS * DAY_MS) break;
        if (nowMs >= lapses_) lapses += 1;
        calls += 1;
        const hour = Math.floor(nowMs / HOUR_MS);
        byHour.set(hour, (byHour.get(hour) ?? 0) + 1);
      }
    }
    expect(lapses).toBe(0);
    expect(calls / minimum).toBeLessThanOrEqual(1.05);
    expect(calls / minimum).toBeGreaterThanOrEqual(1);
    const busiest = Math.max(...byHour.values());
    expect(busiest / GRANTS).toBeLessThan(0.05);
    // In the end, no day has more than three times its share.
    const byDay = new Map<number, number>();
    for (const [hour, count] of byHour)
      byDay.set(Math.floor(hour / 24), (byDay.get(Math.floor(hour / 24)) ?? 0) + count);
    const late = [...byDay].filter(([day]) => day >= START / DAY_MS + 350).map(([, count]) => count);
    expect(Math.max(...late)).toBeLessThan((3 * late.reduce((sum, count) => sum + count, 0)) / 50);
  });

  it('leaves alone what never lapses, and what lives for less than a day', () => {
    expect(renewalAtMs(grant(), undefined)).toBeUndefined();
    expect(renewalAtMs(grant({ refreshTokenExpiresAtMs: Infinity }), undefined)).toBeUndefined();
    expect(renewalAtMs(grant({ refreshTokenExpiresAtMs: START + DAY_MS - 1 }), undefined)).toBeUndefined();
    expect(renewalAtMs(grant({ refreshTokenExpiresAtMs: START + DAY_MS }), undefined)).toBeGreaterThan(START);
  });

  it('takes the earlier of a stated expiry and an idle life', () => {
    const idle = { ms: 14 * DAY_MS, since: 'use' } as const;
    expect(lapsesAtMs(grant({ refreshTokenExpiresAtMs: START + 3 * DAY_MS }), idle)).toBe(START + 3 * DAY_MS);
    expect(lapsesAtMs(grant({ refreshTokenExpiresAtMs: START + 30 * DAY_MS }), idle)).toBe(START + 14 * DAY_MS);
    expect(lapsesAtMs(grant(), { ...idle, since: 'access_expiry' })).toBe(START + HOUR_MS + 14 * DAY_MS);
    const unknown = grant({ accessTokenExpiresAtMs: undefined });
    expect(lapsesAtMs(unknown, { ...idle, since: 'access_expiry' })).toBe(START + 14 * DAY_MS);
  });

  it('renews a refresh token whose stated end does not move a few times at most', () => {
    const end = START + 14 * DAY_MS;
    let calls = 0;
    for (let current = grant({ refreshTokenExpiresAtMs: end }); ; calls += 1) {
      const dueAt = renewalAtMs(current, undefined);
      if (dueAt === undefined) break;
      current = { ...current, generation: current.generation + 1, accessObtainedAtMs: dueAt };
    }
    expect(calls).toBeLessThanOrEqual(2);
  });
});
