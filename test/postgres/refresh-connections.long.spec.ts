import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { IdentityUnavailableError, NowggConfigurationError } from '../../libs/nowgg-auth/src/errors.js';
import type { NowggTokenService } from '../../libs/nowgg-auth/src/tokens/nowgg-token-service.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import type { GameProcessReady, GameProcessStart } from '../support/processes/children/game-process.js';
import { SourceProcess } from '../support/processes/source-process.js';
import { TITLES } from '../support/token-service/nowgg-provider.js';
import { RING } from '../support/token-service/token-service.js';
import { TokenSuite } from '../support/token-service/token-suite.js';

const UNTIL_THE_END = { softDeadlineMs: 60_000, leaseMs: 60_000 };

describe('connections to the database', () => {
  let suite: TokenSuite;
  const opened: { store: TokenStore; dataSource: DataSource }[] = [];

  beforeAll(async () => {
    suite = await TokenSuite.start();
  }, 60_000);
  afterAll(async () => {
    for (const { store, dataSource } of opened) {
      await store.close();
      await dataSource.destroy();
    }
    await suite.stop();
  }, 30_000);
  beforeEach(() => suite.startOver('never'));

  /** An application with a DataSource of its own. */
  const application = async (options: {
    poolSize: number;
    storePoolSize?: number;
    startup?: string;
    queryTimeoutMs?: number;
  }) => {
    const dataSource = await new DataSource({
      type: 'postgres',
      url: suite.url,
      poolSize: options.poolSize,
      installExtensions: false,
      applicationName: `application-${opened.length}`,
      extra: {
        ...(options.startup !== undefined && { options: options.startup }),
        ...(options.queryTimeoutMs !== undefined && { query_timeout: options.queryTimeoutMs }),
      },
    }).initialize();
    const wiring = typeOrmTokenStore(options.storePoolSize === undefined ? {} : { poolSize: options.storePoolSize });
    const store = wiring.create({ clock: new SystemClock() }, dataSource);
    opened.push({ store, dataSource });
    const service = suite.serviceOf({ store, durations: UNTIL_THE_END });
    return { dataSource, store, service };
  };
  const refreshing = (service: NowggTokenService, grantIds: readonly string[]) =>
    Promise.all(grantIds.map((grantId) => service.getAccessToken(grantId)));

  it('are all idle, and in no transaction, while the identity system is asked', async () => {
    const grantIds = await suite.manySignedInLongAgo(30);
    const { service } = await application({ poolSize: 10 });
    suite.hold();
    const refreshes = refreshing(service, grantIds);
    await suite.called(30);
    const busy = `SELECT state FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`;
    expect(await suite.dataSource.query(busy)).toEqual([]);
    suite.release();
    expect(new Set((await refreshes).map(({ generation }) => generation))).toEqual(new Set([2]));
  });

  it('are free for the application during refreshes, even when it has only one and shares it', async () => {
    const grantIds = await suite.manySignedInLongAgo(30);
    const { dataSource, service } = await application({ poolSize: 1 });
    suite.hold();
    const refreshes = refreshing(service, grantIds);
    await suite.called(30);
    expect(await dataSource.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    suite.release();
    expect(await refreshes).toHaveLength(30);
  });

  it('of an application that has used up its pool do not hold a refresh up', async () => {
    const grantIds = await suite.manySignedInLongAgo(5);
    const { dataSource, service } = await application({ poolSize: 2 });
    const runners = [dataSource.createQueryRunner(), dataSource.createQueryRunner()];
    for (const runner of runners) await runner.startTransaction();
    expect(await refreshing(service, grantIds)).toHaveLength(5);
    for (const runner of runners) {
      await runner.rollbackTransaction();
      await runner.release();
    }
  });

  it('that are shared and used up give callers a retryable error at their deadline', async () => {
    const grantId = await suite.signIn();
    const { dataSource, store } = await application({ poolSize: 2, storePoolSize: 0 });
    const runners = [dataSource.createQueryRunner(), dataSource.createQueryRunner()];
    for (const runner of runners) await runner.connect();
    const impatient = suite.serviceOf({ store, durations: { softDeadlineMs: 100 } });
    await expect(impatient.getAccessToken(grantId)).rejects.toBeInstanceOf(IdentityUnavailableError);
    for (const runner of runners) await runner.release();
  });

  it('that are read-only serve fresh tokens and give other callers a retryable error', async () => {
    const [fresh, expired] = [await suite.signIn(), await suite.signInLongAgo()];
    const { service } = await application({ poolSize: 2, startup: '-c default_transaction_read_only=on' });
    expect(await service.getAccessToken(fresh)).toMatchObject({ generation: 1 });
    const error: unknown = await service.getAccessToken(expired).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IdentityUnavailableError);
    expect(Object.keys(error as object)).not.toContain('parameters');
    expect(suite.refreshes).toBe(0);
  });

  it('whose sessions write times and bytes in other ways serve the same tokens', async () => {
    const [fresh, expired] = [await suite.signIn(), await suite.signInLongAgo()];
    const startup = '-c bytea_output=escape -c TimeZone=Asia/Kolkata -c DateStyle=SQL,DMY';
    const { service, store } = await application({ poolSize: 2, startup });
    const [usual, other] = [await suite.store.findGrant(fresh), await store.findGrant(fresh)];
    expect({ ...other, readAtMs: 0 }).toEqual({ ...usual, readAtMs: 0 });
    expect(await service.getAccessToken(fresh)).toMatchObject({ generation: 1 });
    expect(await service.getAccessToken(expired)).toMatchObject({ generation: 2 });
  });

  it.each(['repeatable read', 'serializable'])('at isolation level %s still make one call', async (level) => {
    const grantId = await suite.signInLongAgo();
    const startup = `-c default_transaction_isolation=${level.replace(' ', '\\ ')}`;
    const { store } = await application({ poolSize: 2, storePoolSize: 20, startup });
    const services = Array.from({ length: 20 }, () => suite.serviceOf({ store, durations: UNTIL_THE_END }));
    const tokens = await Promise.all(services.map((service) => service.getAccessToken(grantId)));
    expect(new Set(tokens.map(({ token }) => token)).size).toBe(1);
    expect(suite.refreshes).toBe(1);
  });

  it('that owe an answer are given up, and other grants go on over new ones', async () => {
    const [stuck, other] = [await suite.signInLongAgo(), await suite.signInLongAgo()];
    const { store } = await application({ poolSize: 5, storePoolSize: 1, queryTimeoutMs: 300 });
    const runner = suite.dataSource.createQueryRunner();
    await runner.startTransaction();
    await runner.query('SELECT 1 FROM nowgg_grant WHERE id = $1 FOR UPDATE', [stuck]);
    // The abandoned statement may still be carried out, and then its lease has to lapse.
    const durations = { softDeadlineMs: 10_000, leaseMs: 200 };
    const service = suite.serviceOf({ store, durations });
    await expect(service.refresh(stuck)).rejects.toBeInstanceOf(IdentityUnavailableError);
    expect(await service.refresh(other)).toMatchObject({ generation: 2 });
    await runner.rollbackTransaction();
    await runner.release();
    expect(await service.refresh(stuck)).toMatchObject({ generation: 2 });
  });

  it('are at most five more than the application has', async () => {
    const grantIds = await suite.manySignedInLongAgo(40);
    await using game = new SourceProcess('test/support/processes/children/game-process.ts', {
      env: { PGAPPNAME: 'counted game' },
    });
    const { url } = await game.ask<GameProcessReady>({
      databaseUrl: suite.url,
      poolSize: 5,
      options: { ...TITLES[0], baseUrl: suite.nowgg.url, tokens: { encryptionKeys: [RING[0]] } },
    } satisfies GameProcessStart);
    const answers = grantIds.map(async (id) => (await fetch(`${url}/generation/${id}`)).json());
    expect(await Promise.all(answers)).toEqual(grantIds.map(() => ({ generation: 2 })));
    const [open] = (await suite.dataSource.query(
      `SELECT count(*)::int AS connections FROM pg_stat_activity WHERE application_name = 'counted game'`,
    )) as { connections: number }[];
    expect(open?.connections).toBeGreaterThan(1);
    expect(open?.connections).toBeLessThanOrEqual(10);
  }, 60_000);

  it('are not opened again by what comes after the end', async () => {
    const grantId = await suite.signIn();
    const { service } = await application({ poolSize: 2 });
    await service.getAccessToken(grantId);
    await service.close();
    await expect(service.getAccessToken(grantId)).rejects.toBeInstanceOf(IdentityUnavailableError);
  });

  it('to a database without the tables say what to do', async () => {
    const dataSource = await new DataSource({
      type: 'postgres',
      url: await suite.cluster.createDatabase(),
    }).initialize();
    const store = typeOrmTokenStore().create({ clock: new SystemClock() }, dataSource);
    opened.push({ store, dataSource });
    const service = suite.serviceOf({ store });
    const start = service.onApplicationBootstrap();
    await expect(start).rejects.toBeInstanceOf(NowggConfigurationError);
    await expect(start).rejects.toThrow(/run nowggMigrations/);
  });
});
