import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { activeStates } from '../../libs/nowgg-auth/src/events/state-events.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { NowggKeepAliveService } from '../../libs/nowgg-auth/src/keep-alive/nowgg-keep-alive.service.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { ageRows, migratedDataSource } from '../support/token-service/migrated-database.js';
import { nowggProvider, TITLES } from '../support/token-service/nowgg-provider.js';
import { tokenService } from '../support/token-service/token-service.js';

const DAY_MS = 86_400_000;
const STEP_MS = DAY_MS / 4;
const IDLE_MS = 14 * DAY_MS;
/** The campaign: NOWGG_KEEP_ALIVE_DAYS=400 NOWGG_KEEP_ALIVE_PLAYERS=5000. */
const DAYS = Number(process.env.NOWGG_KEEP_ALIVE_DAYS ?? 30);
const PLAYERS = Number(process.env.NOWGG_KEEP_ALIVE_PLAYERS ?? 12);

/** Waits until it is so. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let turns = 0; !(await holds()); turns += 1) if (turns > 10_000) throw new Error('it does not come about');
}

describe('idle grants that are kept alive', () => {
  const clock = new SystemClock();
  let cluster: PostgresCluster;
  let emulator: NowggEmulator;
  let dataSource: DataSource;
  const closing: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    emulator = await startNowggEmulator({ clients: TITLES });
    emulator.setRefreshTokenRotation('strict');
    dataSource = await migratedDataSource(await cluster.createDatabase());
  }, 240_000);
  afterAll(async () => {
    for (const close of closing) await close();
    await dataSource.destroy();
    await emulator.close();
    await cluster.stop();
  });

  /** The parts of one process. */
  function node(everyMs = 3_600_000, isScheduled = false) {
    const store: TokenStore = typeOrmTokenStore({ poolSize: 2 }).create({ clock }, dataSource);
    const settings = { nowggUrl: emulator.url, clock };
    // A busy machine must not make a caller give up, or a lease end.
    const durations = { softDeadlineMs: 60_000, leaseMs: 60_000 };
    const tokens = tokenService({ ...settings, store, durations, timing: { failedRetryMs: 20 } });
    const providers = new IdentityProviders([nowggProvider(settings)]);
    const options = { isScheduled, idleMs: { nowgg: IDLE_MS }, perSecond: 1_000, everyMs };
    const keepAlive = new NowggKeepAliveService({ store, providers, tokens, clock, options });
    closing.unshift(() => tokens.close());
    return { store, tokens, keepAlive };
  }
  const refreshes = () => emulator.requestCount({ endpoint: 'token', grantType: 'refresh_token' });
  const oldest = async (): Promise<number> =>
    (
      await dataSource.query(`SELECT max(extract(epoch FROM now() - access_obtained_at) * 1000)::float8 AS ms FROM nowgg_grant
      WHERE state = 'active'`)
    )[0].ms;
  const generations = async (): Promise<number> =>
    (await dataSource.query('SELECT sum(generation - 1)::integer AS sum FROM nowgg_grant'))[0].sum;
  /** A few hours before the end of each. */
  const bringNearTheEnd = async () =>
    dataSource.query(
      `UPDATE nowgg_grant SET access_obtained_at = now() - interval '13.8 days', next_attempt_at = NULL`,
    );
  const signIn = async ({ tokens }: ReturnType<typeof node>) =>
    tokens.exchangeCode(emulator.issueCode({ userId: emulator.addPlayer().userId, clientId: 'title-a' }));

  it('never lapse, are refreshed once each time by three processes of which one is often interrupted, and seldom', async () => {
    const nodes = [node(), node(), node()];
    for (let n = 0; n < PLAYERS; n += 1) await signIn(nodes[0] as (typeof nodes)[number]);
    const before = refreshes();
    for (let at = 0; at < DAYS * DAY_MS; at += STEP_MS) {
      await ageRows(dataSource, STEP_MS);
      const reports = await Promise.all(
        nodes.map(async ({ keepAlive }, n) =>
          keepAlive.run({ signal: n === 2 ? AbortSignal.timeout(5) : new AbortController().signal }),
        ),
      );
      expect(reports.flat().reduce((sum, { failed, ended }) => sum + failed + ended, 0)).toBe(0);
      expect(await oldest()).toBeLessThan(IDLE_MS);
    }
    const calls = refreshes() - before;
    expect(calls).toBe(await generations());
    expect(calls).toBeGreaterThanOrEqual(PLAYERS * Math.floor((DAYS * DAY_MS) / IDLE_MS));
    // The first renewal may come early, and a look comes four times a day only.
    expect(calls).toBeLessThanOrEqual(PLAYERS * (1 + Math.floor((DAYS * DAY_MS) / IDLE_MS)));
    const [due] = await (nodes[0] as (typeof nodes)[number]).keepAlive.run({ dryRun: true });
    expect(due).toMatchObject({ provider: 'nowgg', due: 0, renewed: 0, complete: true });
  }, 600_000);

  it('are told in time when they cannot be renewed, and when they can again', async () => {
    const { keepAlive } = node();
    const told = () => activeStates().filter(({ type }) => type === 'grants_lapsing');
    await bringNearTheEnd();
    emulator.setFault({ kind: 'status', status: 503, endpoint: 'token' });
    const [failing] = await keepAlive.run();
    expect(failing).toMatchObject({ renewed: 0, failed: PLAYERS, complete: true, firstLapseAt: expect.any(Date) });
    expect(told()).toMatchObject([{ provider: 'nowgg', detail: 'in 0 days' }]);
    emulator.clearFaults();
    await dataSource.query('UPDATE nowgg_grant SET next_attempt_at = NULL');
    const before = refreshes();
    await until(async () => {
      await dataSource.query('UPDATE nowgg_grant SET next_attempt_at = NULL');
      const [report] = await keepAlive.run();
      return report?.failed === 0 && report.complete;
    });
    expect(told()).toEqual([]);
    expect(refreshes()).toBeGreaterThan(before);
    expect(await oldest()).toBeLessThan(DAY_MS);
  }, 240_000);

  it('are looked at by one process at a time by itself, and by none after its end', async () => {
    const nodes = [node(60_000, true), node(60_000, true)];
    await bringNearTheEnd();
    const before = refreshes();
    let claims = 0;
    for (const { store } of nodes) {
      const take = store.takeDesignatedAttempt.bind(store);
      store.takeDesignatedAttempt = async (...args) => {
        const isTaken = await take(...args);
        claims += Number(isTaken);
        return isTaken;
      };
    }
    const random = Math.random;
    Math.random = () => 0;
    for (const { keepAlive } of nodes) keepAlive.onApplicationBootstrap();
    Math.random = random;
    await until(async () => (await oldest()) < DAY_MS);
    for (const { keepAlive } of nodes) await keepAlive.beforeApplicationShutdown();
    expect(claims).toBe(1);
    expect(refreshes() - before).toBe(PLAYERS);
  }, 240_000);
});
