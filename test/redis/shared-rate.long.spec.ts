import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { client } from '../faults/scripted-now-gg.js';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { VerificationProcess } from '../support/processes/verification-process.js';
import { RedisServer } from '../support/servers/redis-server.js';

const INSTANCES = 10;
const NEWCOMERS = 60;
const ROUNDS = 4;
const rate = { perSecond: 60, burst: 30 };

let redis: RedisServer;
let emulator: NowggEmulator;
let processes: readonly VerificationProcess[];

beforeAll(async () => {
  redis = await RedisServer.start();
  emulator = await startNowggEmulator({ clients: [client], requestLogSize: 1e5 });
  const settings = {
    ...client,
    baseUrl: `http://127.0.0.1:${emulator.port}`,
    redisUrl: redis.url,
    // A busy machine may let the usual deadline pass; how fast it is, is not the question.
    verification: { rate, expectedInstances: INSTANCES, timeoutMs: 10_000 },
  };
  processes = await Promise.all(Array.from({ length: INSTANCES }, () => VerificationProcess.start(settings)));
}, 120_000);
afterAll(async () => {
  await Promise.all(processes.map((process) => process[Symbol.asyncDispose]()));
  await emulator.close();
  await redis.stop();
  removeCompiled();
}, 60_000);

/** Every process gets newcomers of its own, and more than the rate allows. @returns calls and seconds */
async function burst(): Promise<{ readonly calls: number; readonly seconds: number; readonly served: number }> {
  const before = emulator.requests.length;
  const startedAt = performance.now();
  let served = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const asked = processes.map((process) => process.do({ op: 'ask', tokens: newcomers() }));
    const outcomes = (await Promise.all(asked)).flat();
    expect(outcomes.filter((outcome) => !/^valid:|^unknown:over_rate$/.test(outcome))).toEqual([]);
    served += outcomes.filter((outcome) => outcome.startsWith('valid:')).length;
  }
  return { calls: emulator.requests.length - before, seconds: (performance.now() - startedAt) / 1_000, served };
}

function newcomers(): readonly string[] {
  return Array.from({ length: NEWCOMERS }, () => {
    const { userId } = emulator.addPlayer();
    return emulator.issueTokens({ userId }).token;
  });
}

describe('ten instances that start cold', () => {
  it('ask within the rate, and use it', async () => {
    const { calls, seconds, served } = await burst();
    // A process may be one call ahead of what the others know.
    expect(calls).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds + INSTANCES);
    expect(calls).toBeGreaterThanOrEqual(rate.perSecond * ROUNDS);
    expect(served).toBe(calls);
  }, 60_000);

  it('ask within the rate while Redis is frozen', async () => {
    redis.freeze();
    try {
      const { calls, seconds } = await burst();
      // The share of each is at least one call at once.
      expect(calls).toBeLessThanOrEqual(rate.burst + rate.perSecond * seconds + 2 * INSTANCES);
      expect(calls).toBeGreaterThanOrEqual(rate.perSecond * ROUNDS);
    } finally {
      redis.thaw();
    }
  }, 60_000);
});
