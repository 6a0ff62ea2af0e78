import { describe, expect, it } from '@jest/globals';
import { Confidence } from './confidence.js';

const GROWS = { confidenceGrows: true };
const STAYS = { confidenceGrows: false };
const at = (ms: number) => ({ wallMs: 1_000_000 + ms, monotonicMs: ms });
const former = (ms: number, lifeMs: number, isDoubted = false) => ({ ...at(ms), lifeMs, isDoubted });

describe('the life of a verdict', () => {
  const confidence = new Confidence({ maxAgeMs: 30_000 });

  it('is maxAgeMs for a token that was never accepted, or was refused since', () => {
    expect(confidence.lifeMs(GROWS, at(0))).toBe(30_000);
    expect(confidence.lifeMs(GROWS, at(400_000), former(0, 300_000, true))).toBe(30_000);
  });

  it('doubles when the token is accepted again, asked about in the second half of the life before', () => {
    expect(confidence.lifeMs(GROWS, at(15_000), former(0, 30_000))).toBe(60_000);
    expect(confidence.lifeMs(GROWS, at(3_600_000), former(0, 30_000))).toBe(60_000);
  });

  it('stays as it is when the request was sent earlier, on either clock', () => {
    expect(confidence.lifeMs(GROWS, at(14_999), former(0, 30_000))).toBe(30_000);
    expect(confidence.lifeMs(GROWS, at(59_999), former(0, 120_000))).toBe(120_000);
    const wallSteppedAhead = { wallMs: 1_000_000 + 3_600_000, monotonicMs: 1_000 };
    expect(confidence.lifeMs(GROWS, wallSteppedAhead, former(0, 30_000))).toBe(30_000);
    const slept = { wallMs: 1_000_000 + 1_000, monotonicMs: 3_600_000 };
    expect(confidence.lifeMs(GROWS, slept, former(0, 30_000))).toBe(30_000);
  });

  it('grows up to 300 s by default where the provider allows it, and not at all elsewhere', () => {
    const lives: number[] = [];
    let life = confidence.lifeMs(GROWS, at(0));
    for (let now = 0; lives.length < 6; now += 300_000) {
      lives.push(life);
      life = confidence.lifeMs(GROWS, at(now + 300_000), former(now, life));
    }
    expect(lives).toEqual([30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
    expect(confidence.lifeMs(STAYS, at(30_000), former(0, 30_000))).toBe(30_000);
  });

  it('has a shorter limit where maxAgeMs is shorter, and never one below maxAgeMs', () => {
    expect(new Confidence({ maxAgeMs: 1_000 }).longestMs(GROWS)).toBe(10_000);
    expect(new Confidence({ maxAgeMs: 0 }).longestMs(GROWS)).toBe(0);
    expect(new Confidence({ maxAgeMs: 600_000 }).longestMs(GROWS)).toBe(600_000);
    expect(new Confidence({ maxAgeMs: 600_000 }).longestMs(STAYS)).toBe(600_000);
  });

  it('grows up to longestAgeMs for every provider when that is set', () => {
    const set = new Confidence({ maxAgeMs: 30_000, longestAgeMs: 45_000 });
    for (const provider of [GROWS, STAYS]) expect(set.lifeMs(provider, at(30_000), former(0, 30_000))).toBe(45_000);
  });

  it('that another process let grow beyond the own limit is cut at the next acceptance', () => {
    expect(new Confidence({ maxAgeMs: 30_000 }).lifeMs(STAYS, at(1_000), former(0, 300_000))).toBe(30_000);
  });
});
