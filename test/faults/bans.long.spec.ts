import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { VerificationProcess } from '../support/processes/verification-process.js';
import type { VerificationSettings } from '../support/processes/verification-messages.js';
import { client, MoodyNowGg } from './scripted-now-gg.js';

const PROCESSES = 8;

let cluster: PostgresCluster;
let databaseUrl: string;
let nowGg: MoodyNowGg;
let processes: VerificationProcess[] = [];
let players = 0;

/** Processes in which no second passes unless it is made to: what they hear of, they hear of by a message. */
async function startProcesses(settings: Partial<VerificationSettings>): Promise<void> {
  const common = { ...client, baseUrl: `http://127.0.0.1:${nowGg.port}`, databaseUrl, holdWaits: true };
  processes = await Promise.all(
    Array.from({ length: PROCESSES }, () => VerificationProcess.start({ ...common, ...settings })),
  );
}

/** A player who has a session at each process, and is banned at the first. */
async function banSomebody(): Promise<{ readonly userId: string; readonly tokens: readonly string[] }> {
  players += 1;
  const userId = `banned-${players}`;
  const tokens = processes.map(() => nowGg.goodToken(userId));
  const letIn = await Promise.all(processes.map((one, index) => one.do({ op: 'ask', tokens: [tokens[index] ?? ''] })));
  expect(letIn).toEqual(tokens.map(() => [`valid:${userId}`]));
  expect(await processes[0]?.do({ op: 'revoke', userId })).toBe('done');
  return { userId, tokens };
}

const untilSeenByAll = (tokens: readonly string[]) =>
  Promise.all(processes.map((one, index) => one.do({ op: 'untilRevoked', token: tokens[index] ?? '' })));

beforeAll(async () => {
  cluster = await startPostgresCluster();
  databaseUrl = await cluster.createDatabase();
  await (await migratedDataSource(databaseUrl)).destroy();
  nowGg = await MoodyNowGg.start();
}, 60_000);
afterEach(async () => {
  await Promise.all(processes.splice(0).map((one) => one[Symbol.asyncDispose]()));
}, 60_000);
afterAll(async () => {
  await nowGg[Symbol.asyncDispose]();
  await cluster.stop();
  removeCompiled();
}, 60_000);

describe('a ban over eight processes', () => {
  it('is heard of through Redis by all of them before any has polled, and its end too', async () => {
    await using redis = await RedisServer.start();
    await startProcesses({ redisUrl: redis.url, notify: false });
    const { userId, tokens } = await banSomebody();
    expect(await untilSeenByAll(tokens)).toHaveLength(PROCESSES);
    await processes[0]?.do({ op: 'restore', userId });
    const again = await processes[0]?.do({ op: 'ask', tokens: [tokens[0] ?? ''] });
    expect(again).toEqual([`valid:${userId}`]);
  }, 120_000);

  it('is heard of by NOTIFY without Redis', async () => {
    await startProcesses({});
    const { tokens } = await banSomebody();
    expect(await untilSeenByAll(tokens)).toHaveLength(PROCESSES);
  }, 120_000);

  it('is found by the poll of each when no message comes at all', async () => {
    await startProcesses({ notify: false });
    const { userId, tokens } = await banSomebody();
    const others = processes.slice(1);
    const unaware = await Promise.all(
      others.map((one, index) => one.do({ op: 'ask', tokens: [tokens[index + 1] ?? ''] })),
    );
    expect(unaware).toEqual(others.map(() => [`valid:${userId}`]));
    await Promise.all(processes.map((one) => one.do({ op: 'step', ms: 1_000 })));
    expect(await untilSeenByAll(tokens)).toHaveLength(PROCESSES);
  }, 120_000);
});
