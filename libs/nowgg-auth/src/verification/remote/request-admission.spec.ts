import { describe, expect, it } from '@jest/globals';
import type { VerificationBudget } from '../../options/options.js';
import { CallRate } from '../../resilience/call-rate.js';
import type { RateLimits } from '../../resilience/token-bucket.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { settled } from '../../tokens/testing-support/token-service-under-test.js';
import { RequestAdmission } from './request-admission.js';
import type { VerificationRequest } from '../decision/verification-result.js';

const question = (about: Partial<VerificationRequest> = {}): VerificationRequest => ({
  digest: 'digest',
  token: 'token',
  tokenType: 'token',
  isPlausible: true,
  ...about,
});

function world(budget?: VerificationBudget, maxInFlight = 16, limits?: RateLimits) {
  const clock = new ManualClock();
  const rate = limits && new CallRate({ clock, limits });
  const admission = new RequestAdmission('nowgg', clock, { maxInFlight, timeoutMs: 3_000, budget }, rate);
  return { clock, admission };
}

const isAdmitted = (admitted: unknown) => typeof admitted === 'function';

describe('questions', () => {
  it('of strangers leave half of the places to tokens that were accepted before', () => {
    const { admission } = world();
    for (let n = 0; n < 100; n += 1) void admission.admit(question());
    const known = Array.from({ length: 8 }, (_, n) =>
      admission.admit(question({ known: true, player: `player-${n}` })),
    );
    expect(known.every(isAdmitted)).toBe(true);
  });

  it('of newcomers wait among garbage and are sent when a place is free', async () => {
    const { admission } = world();
    const garbage = Array.from({ length: 8 }, () => admission.admit(question()));
    const newcomer = admission.admit(question());
    expect(newcomer).toBeInstanceOf(Promise);
    (garbage[0] as () => void)();
    expect(isAdmitted(await newcomer)).toBe(true);
  });

  it('that found no place in time, or no room to wait, are overloaded', async () => {
    const { clock, admission } = world();
    const all = Array.from({ length: 73 }, () => admission.admit(question()));
    expect(all[72]).toMatchObject({ reason: 'overloaded' });
    clock.advance(1_500);
    expect(await all[71]).toMatchObject({ reason: 'overloaded' });
  });

  it('of 300 simultaneous newcomers are all sent, with the default number of places', async () => {
    const { admission } = world(undefined, 256);
    const all = Array.from({ length: 300 }, async () => {
      const leave = await admission.admit(question());
      await settled();
      if (typeof leave === 'function') leave();
      return isAdmitted(leave);
    });
    expect(await Promise.all(all)).not.toContain(false);
  });

  it('beyond the rate wait their turn, and are told when there is room if it would be too late', async () => {
    const { clock, admission } = world(undefined, 256, { perSecond: 10, burst: 10 });
    const newcomers = Array.from({ length: 100 }, () => admission.admit(question()));
    const waiting = newcomers.filter((one) => one instanceof Promise);
    // Half of the burst is for known players, and no caller waits longer than half of the deadline.
    expect(newcomers.filter(isAdmitted)).toHaveLength(5);
    expect(waiting).toHaveLength(15);
    const refused = newcomers.at(-1);
    expect(refused).toEqual({ status: 'unknown', reason: 'over_rate', retryAfterMs: 1_600 });
    for (let step = 0; step < 100; step += 1) {
      clock.advance(15);
      await settled();
    }
    // The last one's turn comes at the end of its wait.
    expect((await Promise.all(waiting)).filter(isAdmitted).length).toBeGreaterThanOrEqual(14);
  });

  it('about known players are sent before those of newcomers, whose sources take turns', async () => {
    const { clock, admission } = world(undefined, 256, { perSecond: 10, burst: 1 });
    await admission.admit(question({ known: true, player: 'p' }));
    const order: string[] = [];
    const admit = async (label: string, about: Partial<VerificationRequest>) => {
      if (isAdmitted(await admission.admit(question(about)))) order.push(label);
    };
    for (const source of ['flood', 'flood', 'flood', 'flood', 'device']) void admit(source, { source });
    void admit('known', { known: true, player: 'q' });
    for (let step = 0; step < 40; step += 1) {
      clock.advance(10);
      await settled();
    }
    expect(order).toEqual(['known', 'flood', 'device', 'flood']);
  });

  it('of an early renewal never wait and never take the place of a waiting one', () => {
    const { clock, admission } = world(undefined, 256, { perSecond: 10, burst: 8 });
    const renewal = question({ known: true, player: 'p', isRenewal: true });
    expect(isAdmitted(admission.admit(renewal))).toBe(true);
    expect(isAdmitted(admission.admit(renewal))).toBe(true);
    expect(admission.admit(renewal)).toMatchObject({ reason: 'over_rate' });
    for (let n = 0; n < 9; n += 1) void admission.admit(question({ known: true, player: `p${n}` }));
    clock.advance(100);
    expect(admission.admit(renewal)).toMatchObject({ status: 'unknown' });
  });

  it('are repeated only within the rate', () => {
    const { clock, admission } = world(undefined, 256, { perSecond: 10, burst: 2 });
    expect(isAdmitted(admission.admit(question({ known: true, player: 'p' })))).toBe(true);
    expect(admission.mayRepeat(question({ known: true, player: 'p' }))).toBe(true);
    expect(admission.mayRepeat(question({ known: true, player: 'p' }))).toBe(false);
    clock.advance(100);
    expect(admission.mayRepeat(question({ known: true, player: 'p' }))).toBe(true);
  });

  it('of one source do not take the places of other strangers', () => {
    const { admission } = world();
    for (let n = 0; n < 100; n += 1) void admission.admit(question({ source: 'stranger' }));
    expect(isAdmitted(admission.admit(question({ source: 'newcomer' })))).toBe(true);
    expect(isAdmitted(admission.admit(question()))).toBe(true);
  });

  it('of one player do not take the places of other players', () => {
    const { admission } = world();
    for (let n = 0; n < 100; n += 1) void admission.admit(question({ known: true, player: 'greedy' }));
    for (let n = 0; n < 12; n += 1) {
      expect(isAdmitted(admission.admit(question({ known: true, player: `player-${n}` })))).toBe(true);
    }
  });

  it.each<[string, VerificationBudget]>([
    ['no', () => false],
    ['no by a promise', async () => false],
    ['an exception', () => Promise.reject(new Error('the limiter is away'))],
  ])('are not sent when the budget says %s, and give their place back', async (_what, budget) => {
    const { admission } = world(budget);
    for (let n = 0; n < 50; n += 1) {
      expect(await admission.admit(question())).toEqual({ status: 'unknown', reason: 'over_budget' });
    }
  });

  it('are not held by a budget that never answers', async () => {
    const { clock, admission } = world(async () => new Promise<boolean>(() => undefined));
    const admitted = admission.admit(question());
    clock.advance(1_500);
    expect(await admitted).toMatchObject({ reason: 'over_budget' });
    await settled();
  });

  it('tell the budget what cannot be forged, and their source', async () => {
    const asked: unknown[] = [];
    const { admission } = world(async (about) => asked.push(about) > 0);
    expect(isAdmitted(await admission.admit(question({ known: true, player: 'p1', source: 'device-1' })))).toBe(true);
    expect(asked).toEqual([
      { provider: 'nowgg', tokenType: 'token', isPlausible: true, known: true, source: 'device-1' },
    ]);
  });
});
