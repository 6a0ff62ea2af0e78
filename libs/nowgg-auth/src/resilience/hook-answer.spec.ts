import { describe, expect, it } from '@jest/globals';
import { isAllowed } from './hook-answer.js';
import { ManualClock } from '../testing-support/manual-clock.js';

const clock = new ManualClock();

describe('a hook of the application', () => {
  it.each([
    ['true', () => true, true],
    ['false', () => false, false],
    ['an object that is not a promise', () => ({ success: false }), false],
    ['nothing', () => undefined, false],
    ['an exception', () => thrown(), false],
    ['a promise of true', async () => true, true],
    ['a promise of false', async () => false, false],
    ['a promise of an object', async () => ({ success: true }), false],
    ['a rejection', async () => thrown(), false],
  ])('allows by true alone: %s', async (_what, ask, expected) => {
    expect(await isAllowed(ask, clock, 1_000)).toBe(expected);
  });

  it('that never answers does not allow once its time is over', async () => {
    const answer = isAllowed(() => new Promise(() => undefined), clock, 1_000);
    clock.advance(1_000);
    expect(await answer).toBe(false);
  });
});

function thrown(): never {
  throw new Error('the limiter is away');
}
