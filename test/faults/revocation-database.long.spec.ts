import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { removeCompiled } from '../support/processes/children/compiled.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { TcpFaultProxy } from '../support/servers/tcp-fault-proxy.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { VerificationProcess } from '../support/processes/verification-process.js';
import { count, play, PROCESSES, type Scene, signIn, untilWell } from './playing.js';
import { client, MoodyNowGg } from './scripted-now-gg.js';

/** The news of revocations are current for so long. */
const TRUSTED_MS = 10_000;
/** No time passes by itself in these plays: polls take real time. */
const AT_ONCE = { stepMs: 0, rounds: 10 };

let cluster: PostgresCluster;
let nowGg: MoodyNowGg;
let proxy: TcpFaultProxy;
let scene: Scene;

const all = <T>(use: (process: VerificationProcess) => Promise<T>) => Promise.all(scene.processes.map(use));
const untilTrusting = () => all((process) => process.do({ op: 'untilTrusting' }));
const untilRevoked = (token: string) => all((process) => process.do({ op: 'untilRevoked', token }));

/** A player whom every process knows and then refuses. */
async function bannedPlayer(): Promise<string> {
  const [token = ''] = await signIn(scene, 1);
  const [first] = scene.processes;
  expect(await first?.do({ op: 'revoke', userId: nowGg.playerOf(token) })).toBe('done');
  await untilRevoked(token);
  return token;
}

beforeAll(async () => {
  cluster = await startPostgresCluster();
  const direct = await cluster.createDatabase();
  await (await migratedDataSource(direct)).destroy();
  proxy = await TcpFaultProxy.start({ port: cluster.port });
  nowGg = await MoodyNowGg.start();
  const databaseUrl = direct.replace(`:${cluster.port}/`, `:${proxy.port}/`);
  const settings = { ...client, baseUrl: `http://127.0.0.1:${nowGg.port}`, databaseUrl };
  const processes = await Promise.all(Array.from({ length: PROCESSES }, () => VerificationProcess.start(settings)));
  scene = { nowGg, processes };
  await play(scene, await signIn(scene), AT_ONCE);
}, 120_000);
afterEach(async () => {
  nowGg.mood = 'well';
  proxy.switchTo('pass');
  await untilTrusting();
}, 60_000);
afterAll(async () => {
  await all((process) => process[Symbol.asyncDispose]());
  await proxy.close();
  await nowGg[Symbol.asyncDispose]();
  await cluster.stop();
  removeCompiled();
}, 60_000);

/** What can happen to the database, and its end. */
const faults: [string, () => Promise<void>, () => Promise<void>][] = [
  ['is killed', () => cluster.goDown(), () => cluster.start()],
  ['freezes', async () => proxy.switchTo('blackHole'), async () => proxy.switchTo('pass')],
  ['is cut off', async () => proxy.switchTo('reset'), async () => proxy.switchTo('pass')],
  ['answers garbage', async () => proxy.switchTo('corrupt'), async () => proxy.switchTo('pass')],
];

describe.each(faults)('while the database of revocations %s under load', (_, strike, heal) => {
  it('cached players play on without a call, however old the news are, and bans hold throughout', async () => {
    const banned = await bannedPlayer();
    const players = await signIn(scene);
    const control = await play(scene, players, AT_ONCE);

    const underLoad = play(scene, players, AT_ONCE);
    await strike();
    const struck = await underLoad;
    expect(count(struck.outcomes.cached, 'unknown')).toBe(0);
    expect(struck.calls).toBeLessThanOrEqual(control.calls * 1.1);

    await all((process) => process.do({ op: 'step', ms: TRUSTED_MS + 1_000 }));
    for (const outcomes of await all((process) => process.do({ op: 'ask', tokens: [...players, banned] }))) {
      expect(outcomes).toEqual([...players.map((token) => `valid:${nowGg.playerOf(token)}`), 'invalid:revoked_token']);
    }
    // now.gg cannot know of a ban that was given here: asking it instead of memory would prove nothing.
    nowGg.mood = 'failing';
    for (const outcomes of await all((process) => process.do({ op: 'ask', tokens: [...players, banned] }))) {
      expect(outcomes).toEqual([...players.map((token) => `valid:${nowGg.playerOf(token)}`), 'invalid:revoked_token']);
    }

    const healing = play(scene, players, AT_ONCE);
    await heal();
    await healing;
    await untilTrusting();
    await untilWell(scene);
    await untilTrusting();
    const again = await signIn(scene);
    const back = await play(scene, again, AT_ONCE);
    expect(count(back.outcomes.cached, 'unknown')).toBe(0);
    await untilRevoked(banned);
    await untilRevoked(await bannedPlayer());
  }, 90_000);
});

describe('a ban', () => {
  it('that cannot be written is no ban, and the one who gives it is told', async () => {
    const [first] = scene.processes;
    const token = nowGg.goodToken();
    proxy.switchTo('reset');
    expect(await first?.do({ op: 'revoke', userId: nowGg.playerOf(token) })).toBe('unavailable');
    proxy.switchTo('pass');
    await untilTrusting();
    expect(await first?.do({ op: 'ask', tokens: [token] })).toEqual([`valid:${nowGg.playerOf(token)}`]);
  }, 60_000);
});
