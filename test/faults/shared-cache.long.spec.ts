import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { TcpFaultProxy } from '../support/servers/tcp-fault-proxy.js';
import { VerificationProcess } from '../support/processes/verification-process.js';
import { count, play, PROCESSES, type Scene, signIn, untilWell } from './playing.js';
import { client, MoodyNowGg } from './scripted-now-gg.js';

let redis: RedisServer;
let proxy: TcpFaultProxy;
let nowGg: MoodyNowGg;
let scene: Scene;
/** Calls of a play without Redis: what each process asks for itself. */
let callsWithoutRedis: number;

const verification = { maxAgeMs: 10_000, timeoutMs: 2_000 };

async function startScene(redisUrl?: string): Promise<Scene> {
  const settings = { ...client, baseUrl: `http://127.0.0.1:${nowGg.port}`, verification };
  const shared = redisUrl === undefined ? {} : { redisUrl };
  const processes = await Promise.all(
    Array.from({ length: PROCESSES }, () => VerificationProcess.start({ ...settings, ...shared })),
  );
  return { nowGg, processes };
}

const end = ({ processes }: Scene) => Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));

beforeAll(async () => {
  nowGg = await MoodyNowGg.start();
  redis = await RedisServer.start();
  proxy = await TcpFaultProxy.start({ port: redis.port });
  const alone = await startScene();
  await untilWell(alone);
  callsWithoutRedis = (await play(alone, await signIn(alone))).calls;
  await end(alone);
  scene = await startScene(`redis://127.0.0.1:${proxy.port}`);
  await play(scene, await signIn(scene), { rounds: 5 });
}, 120_000);
beforeEach(() => untilWell(scene), 60_000);
afterAll(async () => {
  await end(scene);
  await proxy.close();
  await redis.kill();
  await nowGg[Symbol.asyncDispose]();
  removeCompiled();
}, 60_000);

/** What can happen to Redis, and its end. */
const faults: [string, () => Promise<void>, () => Promise<void>][] = [
  ['is killed', () => redis.kill(), () => redis.start()],
  ['freezes', async () => redis.freeze(), async () => redis.thaw()],
  ['cannot be reached', async () => proxy.switchTo('blackHole'), async () => proxy.switchTo('pass')],
  ['answers garbage', async () => proxy.switchTo('corrupt'), async () => proxy.switchTo('pass')],
];

describe.each(faults)('while Redis %s under load', (_, strike, heal) => {
  it('every token is verified all the same, with the calls of a run without Redis', async () => {
    const players = await signIn(scene);
    const underLoad = play(scene, players);
    await strike();
    const struck = await underLoad;
    const down = await play(scene, players);
    const healing = play(scene, players);
    await heal();
    const healed = await healing;
    for (const { outcomes, calls } of [struck, down, healed]) {
      for (const group of [outcomes.cached, outcomes.first, outcomes.bad]) expect(count(group, 'unknown')).toBe(0);
      expect(calls).toBeLessThanOrEqual(callsWithoutRedis * 1.1);
    }
  }, 90_000);

  it('and now.gg fails as well, known players play on and no token is refused', async () => {
    const players = await signIn(scene);
    await strike();
    nowGg.mood = 'failing';
    const ill = await play(scene, players);
    await heal();
    expect(count(ill.outcomes.cached, 'unknown')).toBe(0);
    expect(count(ill.outcomes.first, 'valid')).toBe(0);
    expect(ill.calls).toBeLessThanOrEqual(callsWithoutRedis * 1.1);
  }, 90_000);
});
