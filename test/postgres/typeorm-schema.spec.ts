import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { nowggEntities, nowggMigrations, typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

const ID = '00000000-0000-4000-8000-000000000000';

describe('tables and entities', () => {
  let cluster: PostgresCluster;
  let dataSource: DataSource;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    dataSource = await migratedDataSource(await cluster.createDatabase());
  }, 60_000);
  afterAll(async () => {
    await dataSource.destroy();
    await cluster.stop();
  });

  it('agree: a generated migration would be empty', async () => {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it('leave room in their pages for leases, and no index stands in the way of writing in place', async () => {
    const [table] = await dataSource.query(`SELECT reloptions FROM pg_class WHERE relname = 'nowgg_grant'`);
    expect(table).toEqual({
      reloptions: ['fillfactor=70', 'autovacuum_vacuum_scale_factor=0.02', 'autovacuum_analyze_scale_factor=0.02'],
    });
    const indexes = await dataSource.query(`SELECT indexdef FROM pg_indexes WHERE tablename = 'nowgg_grant'`);
    for (const column of [
      'lease_',
      'attempt_',
      'next_attempt',
      'updated_at',
      'generation',
      '_ct',
      'fail_',
      '_not_after',
      'obtained',
      'handle_',
      'session_used',
    ]) {
      expect(JSON.stringify(indexes)).not.toContain(column);
    }
  });

  it('are found by primary key with one index', async () => {
    const plan = await dataSource.query(`EXPLAIN SELECT * FROM nowgg_grant WHERE id = '${ID}'`);
    expect(JSON.stringify(plan)).toContain('nowgg_grant_pk');
  });

  it('count the sessions that are there from the update on, without a write to their rows', async () => {
    const other = await migratedDataSource(await cluster.createDatabase());
    const since = nowggMigrations.findIndex(({ name }) => name.startsWith('AddSessionTimes'));
    for (let undone = since; undone < nowggMigrations.length; undone += 1) await other.undoLastMigration();
    await other.query(`
      INSERT INTO nowgg_grant (id, provider, client_key, user_id, state, generation, session_version, refresh_ct, access_ct,
        access_obtained_at, fail_count, created_at, updated_at)
      SELECT gen_random_uuid(), 'nowgg', 'key', 'player', 'active', 1, 1, '', '', at, 0, at, at
      FROM generate_series(1, 100), LATERAL (SELECT now() - interval '1 year' AS at) AS long_ago`);
    const file = async () => (await other.query("SELECT pg_relation_filenode('nowgg_grant') AS file"))[0].file;
    const before = await file();
    await other.runMigrations();
    expect(await file()).toBe(before);
    const [times] = await other.query(`
      SELECT count(DISTINCT session_begun_at)::int AS begins, count(*) FILTER (
        WHERE session_begun_at = session_used_at AND session_begun_at > now() - interval '1 hour')::int AS counted
      FROM nowgg_grant`);
    expect(times).toEqual({ begins: 1, counted: 100 });
    await other.destroy();
  });

  it('go away, newest first, when the migrations are undone', async () => {
    const url = await cluster.createDatabase();
    const other = await migratedDataSource(url);
    for (const _migration of nowggMigrations) await other.undoLastMigration();
    const left = await other.query(`SELECT tablename FROM pg_tables WHERE tablename LIKE 'nowgg%'`);
    await other.destroy();
    expect(left).toEqual([]);
  });

  it('may stand in a schema of their own', async () => {
    const url = await cluster.createDatabase();
    await inDatabase(url, (client) => client.query('CREATE SCHEMA auth'));
    const other = await new DataSource({
      type: 'postgres',
      url,
      schema: 'auth',
      entities: nowggEntities,
      migrations: nowggMigrations,
      migrationsRun: true,
      installExtensions: false,
    }).initialize();
    const store = typeOrmTokenStore().create({ clock: new SystemClock() }, other);
    expect(await store.findGrant(ID)).toBeUndefined();
    expect(
      await store.acquireLease({
        id: ID,
        generation: 1,
        owner: ID,
        leaseMs: 1,
        takeoverLeaseMs: 1,
        quietMs: 0,
        secret: '',
      }),
    ).toEqual({ outcome: 'ended' });
    await store.close();
    await other.destroy();
  });
});
