import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { type TcpFault, TcpFaultProxy } from '../support/servers/tcp-fault-proxy.js';
import { VerificationProcess } from '../support/processes/verification-process.js';
import { count, play, type Played, PROCESSES, type Scene, signIn, untilKnown, untilWell } from './playing.js';
import { client, type Mood, MoodyNowGg } from './scripted-now-gg.js';

const MAX_AGE_MS = 10_000;
const STALE_MS = 300_000;
/** Real time: the deadline of a question. */
const TIMEOUT_MS = 1_000;
/** Long enough for minutes to pass in one play. */
const LONG_STEP_MS = 12_000;

let nowGg: MoodyNowGg;
let proxy: TcpFaultProxy;
let scene: Scene;
const controls = new Map<number, Played>();

/** The same play with nothing wrong. */
async function control(stepMs: number): Promise<Played> {
  const known = controls.get(stepMs) ?? (await play(scene, await signIn(scene), { stepMs }));
  controls.set(stepMs, known);
  return known;
}

beforeAll(async () => {
  nowGg = await MoodyNowGg.start();
  proxy = await TcpFaultProxy.start({ port: nowGg.port });
  const settings = {
    ...client,
    baseUrl: `http://127.0.0.1:${proxy.port}`,
    verification: { maxAgeMs: MAX_AGE_MS, staleIfErrorMs: STALE_MS, timeoutMs: TIMEOUT_MS },
  };
  const processes = await Promise.all(Array.from({ length: PROCESSES }, () => VerificationProcess.start(settings)));
  scene = { nowGg, processes };
  // The first play compiles: its heap is no measure for others.
  await untilWell(scene);
  await play(scene, await signIn(scene), { rounds: 5 });
}, 120_000);
afterAll(async () => {
  await Promise.all(scene.processes.map((process) => process[Symbol.asyncDispose]()));
  await proxy.close();
  await nowGg[Symbol.asyncDispose]();
  removeCompiled();
}, 60_000);
beforeEach(async () => {
  proxy.switchTo('pass');
  await untilWell(scene);
}, 60_000);

describe('while now.gg', () => {
  const moods: [string, Mood, number][] = [
    ['hangs', 'hanging', 1_000],
    ['answers 503', 'failing', 1_000],
    ['answers 429 for minutes', 'limiting', LONG_STEP_MS],
  ];
  it.each(moods)(
    '%s, known players play on, newcomers wait, and no token is refused',
    async (_, mood, stepMs) => {
      const well = await control(stepMs);
      const players = await signIn(scene);
      nowGg.mood = mood;
      const ill = await play(scene, players, { stepMs });
      expect(count(ill.outcomes.cached, 'unknown')).toBe(0);
      expect(count(ill.outcomes.first, 'valid')).toBe(0);
      expect(count(ill.outcomes.bad, 'invalid')).toBe(0);
      expect(ill.calls).toBeLessThanOrEqual(well.calls * 1.1);
    },
    60_000,
  );

  it('is away for longer than a verdict serves, players get 503, and play on when it is back', async () => {
    const players = await signIn(scene);
    nowGg.mood = 'failing';
    await play(scene, players, { rounds: 5, stepMs: 1_000 });
    for (const process of scene.processes) {
      await process.do({ op: 'step', ms: MAX_AGE_MS + STALE_MS });
      const outcomes = await process.do({ op: 'ask', tokens: players });
      expect(outcomes.filter((outcome) => !outcome.startsWith('unknown:'))).toEqual([]);
    }
    await untilWell(scene);
    await untilKnown(scene, players);
    const back = await play(scene, players, { rounds: 5, stepMs: 1_000 });
    expect(count(back.outcomes.cached, 'unknown')).toBe(0);
  }, 60_000);

  it('fails every second call, known players play on, and newcomers are let in or wait a little', async () => {
    const well = await control(1_000);
    const players = await signIn(scene);
    nowGg.mood = 'flapping';
    const ill = await play(scene, players, { stepMs: 1_000 });
    expect(count(ill.outcomes.cached, 'unknown')).toBe(0);
    // What failed fast was asked once more: most are let in, for at most two calls instead of one.
    expect(count(ill.outcomes.first, 'valid')).toBeGreaterThan(count(well.outcomes.first, 'valid') / 2);
    expect(ill.calls).toBeLessThanOrEqual(well.calls * 2);
  }, 60_000);
});

describe('a network between us and now.gg that', () => {
  const silent: [string, TcpFault][] = [
    ['drips', { mode: 'drip', ms: 50 }],
    ['swallows everything', { mode: 'blackHole' }],
    ['closes one half', { mode: 'halfClose' }],
    ['resets', { mode: 'reset' }],
    ['cuts replies after 20 bytes', { mode: 'cutAfter', bytes: 20 }],
    ['corrupts', { mode: 'corrupt' }],
  ];
  it.each(silent)(
    '%s lets known players play on, and changes no verdict',
    async (_, fault) => {
      const well = await control(1_000);
      const players = await signIn(scene);
      proxy.switchTo(fault);
      const ill = await play(scene, players);
      expect(count(ill.outcomes.cached, 'unknown')).toBe(0);
      expect(count(ill.outcomes.first, 'valid')).toBe(0);
      expect(ill.calls).toBeLessThanOrEqual(well.calls * 1.1);
    },
    60_000,
  );

  it('delays, but less than the deadline, changes nothing', async () => {
    const well = await control(1_000);
    const players = await signIn(scene);
    proxy.switchTo({ mode: 'delay', ms: 20 });
    const slow = await play(scene, players);
    expect(count(slow.outcomes.cached, 'unknown')).toBe(0);
    expect(slow.calls).toBeLessThanOrEqual(well.calls * 1.1);
  }, 60_000);
});
