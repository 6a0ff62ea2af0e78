import { describe, expect, it } from '@jest/globals';
import type { VerificationBudget } from '../../options/options.js';
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

function world(budget?: VerificationBudget, maxInFlight = 16) {
  const clock = new ManualClock();
  const admission = new RequestAdmission('nowgg', clock, { maxInFlight, timeoutMs: 3_000, budget });
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
    const all = Array.from({ length: 25 }, () => admission.admit(question()));
    expect(all[24]).toMatchObject({ reason: 'overloaded' });
    clock.advance(1_500);
    expect(await all[23]).toMatchObject({ reason: 'overloaded' });
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
