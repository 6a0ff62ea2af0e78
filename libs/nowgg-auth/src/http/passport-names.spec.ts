import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { claimPassportName, holdPassportName, releasePassportName, yieldPassportName } from './passport-names.js';

describe('Passport names', () => {
  const [first, second] = [{}, {}];
  afterEach(() => {
    for (const holder of [first, second]) releasePassportName('nowgg', holder);
  });

  it('are known to another copy of this package', async () => {
    claimPassportName('nowgg', first);
    holdPassportName('nowgg', first);
    jest.resetModules();
    const copy = await import('./passport-names.js');
    expect(copy.claimPassportName).not.toBe(claimPassportName);
    expect(() => copy.claimPassportName('nowgg', second)).toThrow(/^strategyName: /);
    expect(() => copy.claimPassportName('nowgg-second', second)).not.toThrow();
    expect(releasePassportName('nowgg-second', second)).toBe(true);
  });

  it('pass from a holder that is only starting, which then learns of it', () => {
    claimPassportName('nowgg', first);
    claimPassportName('nowgg', second);
    holdPassportName('nowgg', second);
    expect(() => holdPassportName('nowgg', first)).toThrow(/^strategyName: /);
  });

  it('pass from a holder that is ending, which then no longer releases it', () => {
    claimPassportName('nowgg', first);
    holdPassportName('nowgg', first);
    yieldPassportName('nowgg', first);
    claimPassportName('nowgg', second);
    expect(releasePassportName('nowgg', first)).toBe(false);
    expect(releasePassportName('nowgg', second)).toBe(true);
  });
});
