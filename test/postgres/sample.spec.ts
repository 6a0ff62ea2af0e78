import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../apps/sample/src/database/database.module.js';
import { createMigratedDataSource } from '../../apps/sample/src/database/migrated-data-source.js';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { ProfileSyncJob } from '../../apps/sample/src/jobs/profile-sync.job.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';

let cluster: PostgresCluster;
let services: EmbeddedServices;

beforeAll(async () => {
  cluster = await startPostgresCluster();
  services = await startSampleServices({ DATABASE_URL: cluster.url });
}, 60_000);
afterAll(async () => {
  await services?.close();
  await cluster?.stop();
});

describe('migrations', () => {
  it('run once when eight processes start on an empty database at the same time', async () => {
    const options = dataSourceOptions(services.config);
    const sources = await Promise.all(Array.from({ length: 8 }, () => createMigratedDataSource(options, true)));
    const [first] = sources as [DataSource, ...DataSource[]];
    const names = await first.query('SELECT name FROM migrations ORDER BY id');
    expect(names).toHaveLength(new Set(names.map(({ name }: { name: string }) => name)).size);
    expect(names).toHaveLength(first.migrations.length);
    await Promise.all(sources.map((source) => source.destroy()));
  }, 60_000);

  it('leave no difference between tables and entities of the game', async () => {
    const source = await createMigratedDataSource(dataSourceOptions(services.config), true);
    const { upQueries } = await source.driver.createSchemaBuilder().log();
    const columnChanges = upQueries.filter(({ query }) => /"(players|scores|purchases)" (ADD|DROP|ALTER) /.test(query));
    expect(columnChanges.filter(({ query }) => /COLUMN|TYPE|NOT NULL|DEFAULT/.test(query))).toEqual([]);
    await source.destroy();
  });
});

describe.each(['express', 'fastify'] as const)('two instances on %s that share a PostgreSQL', (platform) => {
  let samples: [RunningSample, RunningSample];
  const either = (index: number) => samples[index % 2] as RunningSample;
  const buy = (index: number, token: string, purchaseId: string) =>
    either(index).call('POST', '/shop/purchases', { token, body: { purchaseId, item: 'xp-boost' } });

  beforeAll(async () => {
    samples = await Promise.all([startSample(services, platform), startSample(services, platform)]);
  }, 60_000);
  afterAll(() => Promise.all((samples ?? []).map((sample) => sample.close())));

  it('make one player of a hundred first calls', async () => {
    const { userId } = samples[0].emulator.addPlayer();
    const { token } = samples[0].emulator.issueTokens({ userId });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => either(i).call('GET', '/me', { token })));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  });

  it('never sell more than a player can pay for', async () => {
    const { token } = await samples[0].signIn();
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => buy(i, token, randomUUID())));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(4);
    expect((await samples[1].call('GET', '/me', { token })).body.coins).toBe(20);
  });

  it('take the coins once for one purchase id', async () => {
    const { token } = await samples[0].signIn();
    const purchaseId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => buy(i, token, purchaseId)));
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.coinsLeft}`))).toEqual(new Set(['201 380']));
  });

  it('know a session that the other one has made, and forget it together', async () => {
    const { session } = await samples[0].signIn();
    expect((await samples[1].call('POST', '/auth/refresh', { body: { session } })).status).toBe(200);
    expect((await samples[1].call('POST', '/auth/logout', { body: { session } })).status).toBe(204);
    const answer = await samples[0].call('POST', '/auth/refresh', { body: { session } });
    expect(answer.body.errorCode).toBe('reauthentication_required');
  });

  it('share the work of the profile job: each player once', async () => {
    await samples[0].app.get(DataSource).query(`UPDATE players SET provider = 'elsewhere'`);
    for (let i = 0; i < 30; i++) await samples[0].signIn();
    await samples[0].app.get(DataSource).query('UPDATE players SET profile_synced_at = NULL');
    const asked = samples[0].emulator.requestCount({ endpoint: 'userinfo' });
    const reports = await Promise.all(samples.map(({ app }) => app.get(ProfileSyncJob).run(60_000)));
    expect(reports.map(({ synced }) => synced).reduce((sum, synced) => sum + synced)).toBe(30);
    expect(samples[0].emulator.requestCount({ endpoint: 'userinfo' })).toBe(asked + 30);
  });

  it('answer 503 when a query takes longer than its limit, and go on afterwards', async () => {
    const { token } = await samples[0].signIn();
    const slow = await startSample(services, platform, {
      database: { ...services.config.database, queryTimeoutMs: 300 },
    });
    const lock = samples[0].app.get(DataSource).createQueryRunner();
    await lock.startTransaction();
    await lock.query('LOCK TABLE players IN ACCESS EXCLUSIVE MODE');
    const answer = await slow.call('GET', '/me', { token });
    await lock.rollbackTransaction();
    await lock.release();
    expect([answer.status, answer.body.errorCode]).toEqual([503, 'database_unavailable']);
    expect((await slow.call('GET', '/me', { token })).status).toBe(200);
    await slow.close();
  });

  it('answer 503 while the database is away, and go on when it is back', async () => {
    const { token } = await samples[0].signIn();
    await cluster.goDown();
    for (const path of ['/health/ready', '/me', '/scores/level-1']) {
      const answer = await samples[0].call('GET', path, { token });
      expect({ path, status: answer.status }).toEqual({ path, status: 503 });
      expect(answer.body.errorCode).toBe('database_unavailable');
      expect(answer.headers.get('retry-after')).toBe('1');
    }
    expect((await samples[0].call('GET', '/health/live')).status).toBe(200);
    await cluster.start();
    expect((await samples[0].call('GET', '/health/ready')).status).toBe(200);
    expect((await samples[0].call('GET', '/me', { token })).status).toBe(200);
  }, 30_000);
});
