import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { type AdmittedCode, CodeAdmission, type CodeLimits } from './code-admission.js';
import { settled } from '../testing-support/token-service-under-test.js';

const DEFAULTS: CodeLimits = {
  maxExchangesInFlight: 64,
  refusedCodesPerMinute: 30,
  codeBudget: undefined,
  softDeadlineMs: 4_000,
};

function world(limits: Partial<CodeLimits> = {}) {
  const clock = new ManualClock();
  const admission = new CodeAdmission(clock, { ...DEFAULTS, ...limits });
  const admit = async (source?: string) => admission.admit({ provider: 'nowgg', clientKey: 'client', source });
  /** Brings codes one after the other; says how many were sent. */
  const bring = async (count: number, outcome: Parameters<AdmittedCode['end']>[0], source?: string) => {
    let sent = 0;
    for (let n = 0; n < count; n += 1) {
      const admitted = await admit(source);
      admitted?.end(outcome);
      if (admitted) sent += 1;
    }
    return sent;
  };
  return { clock, admit, bring };
}

describe('codes', () => {
  it('that are made up end at the limit and go on at a slow pace', async () => {
    const { clock, bring } = world();
    expect(await bring(300, 'refused')).toBe(31);
    clock.advance(5_000);
    expect(await bring(300, 'refused')).toBe(1);
    clock.advance(70_000);
    expect(await bring(300, 'refused')).toBe(31);
  });

  it('that are accepted are not limited however many they are', async () => {
    const { bring } = world();
    expect(await bring(1_000, 'tokens')).toBe(1_000);
    expect(await bring(300, 'refused')).toBe(300);
  });

  it('that arrive in one moment wait for those that were sent before, and the flood does not pass the limit', async () => {
    const { clock, admit } = world();
    const arrivals = Array.from({ length: 60 }, async () => admit());
    await settled();
    const sent: (AdmittedCode | undefined)[] = [];
    for (const arrival of arrivals) void arrival.then((admitted) => sent.push(admitted));
    await settled();
    expect(sent).toHaveLength(30);
    for (const admitted of sent) admitted?.end('refused');
    clock.advance(50);
    await settled();
    expect(sent.slice(30).filter(Boolean)).toHaveLength(1);
  });

  it('of one source use up its own limit and nothing of the others', async () => {
    const { bring } = world();
    expect(await bring(100, 'refused', 'stranger')).toBe(11);
    expect(await bring(1, 'tokens', 'player')).toBe(1);
    expect(await bring(1, 'tokens')).toBe(1);
  });

  it('under way are bounded, for one source more closely; further ones wait as long as a caller would', async () => {
    const { clock, admit } = world({ refusedCodesPerMinute: 1_000 });
    const outcomes: (AdmittedCode | undefined)[] = [];
    const bringAtOnce = async (count: number, sourceOf: (n: number) => string) => {
      for (let n = 0; n < count; n += 1) void admit(sourceOf(n)).then((admitted) => outcomes.push(admitted));
      await settled();
      return outcomes.filter(Boolean).length;
    };
    expect(await bringAtOnce(20, () => 'stranger')).toBe(8);
    expect(await bringAtOnce(100, (n) => `player-${n}`)).toBe(64);
    outcomes.find(Boolean)?.end('tokens');
    await settled();
    expect(outcomes.filter(Boolean)).toHaveLength(65);
    clock.advance(4_000);
    await settled();
    expect(outcomes).toHaveLength(120);
  });

  it.each([
    ['says no', () => false],
    ['says no later', async () => false],
    ['rejects', async () => Promise.reject(new Error('the limiter is away'))],
  ])('are not sent when the budget %s', async (_what, codeBudget) => {
    const { admit } = world({ codeBudget });
    expect(await admit()).toBeUndefined();
    for (let n = 0; n < 100; n += 1) expect(await admit()).toBeUndefined();
  });

  it('are not held by a budget that never answers', async () => {
    const { clock, admit } = world({ codeBudget: async () => new Promise<boolean>(() => undefined) });
    const admitted = admit();
    await settled();
    clock.advance(4_000);
    expect(await admitted).toBeUndefined();
  });

  it('tell the budget their source', async () => {
    const asked: unknown[] = [];
    const { admit } = world({ codeBudget: (question) => asked.push(question) > 0 });
    await admit('device-1');
    expect(asked).toEqual([{ provider: 'nowgg', source: 'device-1' }]);
  });
});
