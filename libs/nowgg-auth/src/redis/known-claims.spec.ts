import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../testing-support/manual-clock.js';
import { KnownClaims } from './known-claims.js';

const A = Buffer.from('a');
const B = Buffer.from('b');

describe('KnownClaims', () => {
  it('knows whether a verdict was written under a claim of its own', () => {
    const claims = new KnownClaims(new ManualClock());
    claims.wrote('never claimed');
    expect(claims.gaveBack('never claimed')).toBeUndefined();
    claims.took('a', A);
    claims.took('b', B);
    claims.wrote('b');
    expect(claims.gaveBack('a')).toEqual({ value: A, answered: false });
    expect(claims.gaveBack('b')).toEqual({ value: B, answered: true });
    expect(claims.gaveBack('b')).toBeUndefined();
  });

  it('takes the claim of another process to last for a moment only', () => {
    const clock = new ManualClock();
    const claims = new KnownClaims(clock);
    claims.foundHeld('a');
    expect(claims.wasHeld('a')).toBe(true);
    expect(claims.wasHeld('b')).toBe(false);
    clock.advance(100);
    expect(claims.wasHeld('a')).toBe(false);
  });

  it('forgets the claim of another process with its answer, or when it goes over', () => {
    const claims = new KnownClaims(new ManualClock());
    claims.foundHeld('a');
    claims.settled('a');
    expect(claims.wasHeld('a')).toBe(false);
    claims.foundHeld('a');
    claims.took('a', A);
    expect(claims.wasHeld('a')).toBe(false);
  });

  it('does not grow without end when claims are never given back', () => {
    const claims = new KnownClaims(new ManualClock());
    for (let index = 0; index < 10_001; index += 1) claims.took(String(index), A);
    expect(claims.gaveBack('0')).toBeUndefined();
    expect(claims.gaveBack('10000')?.answered).toBe(false);
  });
});
