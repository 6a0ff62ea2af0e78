import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { FirstUseProcess } from '../support/processes/first-use-process.js';
import { RedisServer } from '../support/servers/redis-server.js';

const PROCESSES = 8;
const CALLERS = 1_000;

let emulator: NowggEmulator;
let processes: FirstUseProcess[] = [];

async function startProcesses(redisUrl?: string): Promise<void> {
  const settings = { clientId: 'demo-client', clientSecret: 'demo-secret', baseUrl: emulator.url };
  processes = await Promise.all(
    Array.from({ length: PROCESSES }, () => FirstUseProcess.start(redisUrl ? { ...settings, redisUrl } : settings)),
  );
}

/** Everybody at once. @returns how often the identity system was asked */
async function callsFor(token: string): Promise<number> {
  const before = emulator.requestCount('verify-token');
  const valid = await Promise.all(processes.map((one) => one.present(token, CALLERS)));
  expect(valid).toEqual(Array.from({ length: PROCESSES }, () => CALLERS));
  return emulator.requestCount('verify-token') - before;
}

beforeAll(async () => {
  emulator = await startNowggEmulator();
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one.stop()));
});
afterAll(async () => {
  await emulator.close();
  removeCompiled();
});

describe('a thousand first uses of a token in each of eight processes', () => {
  it('are one call while Redis is healthy, however fast the identity system answers', async () => {
    await using server = await RedisServer.start();
    await startProcesses(server.url);
    const calls: number[] = [];
    for (const ms of [0, 0, 0, 20, 20, 100, 100, 300]) {
      if (ms > 0) emulator.setFault({ kind: 'latency', endpoint: 'verify-token', ms });
      calls.push(await callsFor(emulator.issueTokens().token));
      emulator.clearFaults();
    }
    expect(calls).toEqual(calls.map(() => 1));
  }, 180_000);

  it('are eight calls without Redis', async () => {
    await startProcesses();
    expect(await callsFor(emulator.issueTokens().token)).toBe(PROCESSES);
  }, 180_000);

  it('are let in though Redis is killed, with eight calls', async () => {
    await using server = await RedisServer.start();
    await startProcesses(server.url);
    await server.kill();
    expect(await callsFor(emulator.issueTokens().token)).toBe(PROCESSES);
  }, 180_000);

  it('are let in though Redis is frozen, with eight calls', async () => {
    await using server = await RedisServer.start();
    await startProcesses(server.url);
    server.freeze();
    expect(await callsFor(emulator.issueTokens().token)).toBe(PROCESSES);
    server.thaw();
  }, 180_000);
});
