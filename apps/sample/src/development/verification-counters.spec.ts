import { channel } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { NOWGG_VERIFICATION_CHANNEL } from 'nestjs-nowgg-auth';
import { ManualClock } from '../../../../libs/nowgg-auth/src/testing-support/manual-clock.js';
import { VerificationCounters } from './verification-counters.js';

const publish = (outcome: string, source: string) => channel(NOWGG_VERIFICATION_CHANNEL).publish({ outcome, source });

describe('VerificationCounters', () => {
  let clock: ManualClock;
  let counters: VerificationCounters;

  beforeEach(() => {
    clock = new ManualClock();
    counters = new VerificationCounters(clock);
    counters.onModuleInit();
  });
  afterEach(() => counters.onModuleDestroy());

  it('tells where verdicts came from, and leaves out what was refused at sight', () => {
    publish('valid', 'hit');
    publish('valid', 'hit');
    publish('valid', 'miss');
    publish('invalid', 'miss');
    publish('valid', 'shared');
    publish('valid', 'stale');
    publish('unknown', 'miss');
    publish('unknown', 'none');
    publish('invalid', 'none');
    const counts = { hits: 2, asks: 3, stale: 1, unanswered: 2 };
    expect(counters.report().total).toEqual(counts);
    expect(counters.report().seconds.at(-1)).toEqual(counts);
  });

  it('keeps a minute, second by second, and the total', () => {
    publish('valid', 'hit');
    clock.advance(59_000);
    publish('valid', 'hit');
    const { seconds } = counters.report();
    expect(seconds).toHaveLength(60);
    expect([seconds[0]?.hits, seconds[58]?.hits, seconds[59]?.hits]).toEqual([1, 0, 1]);
    clock.advance(1_000);
    expect(counters.report().seconds[0]?.hits).toBe(0);
    expect(counters.report().total.hits).toBe(2);
  });

  it('hears nothing any more once its app is closed', () => {
    counters.onModuleDestroy();
    publish('valid', 'hit');
    expect(counters.report().total.hits).toBe(0);
  });
});
