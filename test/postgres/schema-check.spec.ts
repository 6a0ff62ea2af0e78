import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import {
  nowggEntities,
  nowggMigrations,
  typeOrmRevocationStore,
  typeOrmTokenStore,
} from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PgBouncer, startPgBouncer } from '../support/servers/pgbouncer.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

const ROLE = 'game';

/** The sentences of the refusals. */
function refusals(outcomes: readonly PromiseSettledResult<unknown>[]): string[] {
  return outcomes.flatMap((outcome) =>
    outcome.status === 'rejected' ? [(outcome.reason as { message: string }).message] : [],
  );
}

describe('the check of the tables at start', () => {
  let cluster: PostgresCluster;
  let bouncer: PgBouncer | undefined;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
  }, 60_000);
  afterAll(async () => {
    await bouncer?.stop();
    await cluster.stop();
  });

  /** Checks both stores as a process does that starts with this DataSource. @returns the sentences of the refusals */
  const start = async (url: string, schema?: string): Promise<string[]> => {
    const dataSource = new DataSource({ type: 'postgres', url, ...(schema && { schema }), installExtensions: false });
    await dataSource.initialize();
    const context = { clock: new SystemClock() };
    const tokens = typeOrmTokenStore().create(context, dataSource);
    const revocations = typeOrmRevocationStore({ poolSize: 0 }).create(context, dataSource);
    const outcomes = await Promise.allSettled([tokens.checkSchema(), revocations.checkSchema()]);
    await tokens.close();
    await dataSource.destroy();
    return refusals(outcomes);
  };
  const migrated = async (): Promise<string> => {
    const url = await cluster.createDatabase();
    await (await migratedDataSource(url)).destroy();
    return url;
  };
  const change = (url: string, ...statements: string[]) =>
    inDatabase(url, async (client) => {
      for (const statement of statements) await client.query(statement);
    });

  it('accepts what the migrations made, and refuses a database without them by naming every table', async () => {
    expect(await start(await migrated())).toEqual([]);
    const [tokens, revocations] = await start(await cluster.createDatabase());
    expect(tokens).toMatch(
      /^the database lacks the table nowgg_grant, the table nowgg_exchange, .*run nowggMigrations/,
    );
    expect(revocations).toMatch(/^the database lacks the table nowgg_revocation, .*run nowggMigrations/);
  });

  it('names each column and table that is missing, whatever it is, for the store that needs it', async () => {
    const url = await migrated();
    const columns = await inDatabase(url, async (client) => {
      const { rows } = await client.query<{ table: string; column: string }>(
        `SELECT table_name AS table, column_name AS column FROM information_schema.columns
         WHERE table_name LIKE 'nowgg_%' AND table_name <> 'nowgg_schema'`,
      );
      return rows;
    });
    expect(columns.length).toBeGreaterThan(50);
    await inDatabase(url, async (client) => {
      const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
      const context = { clock: new SystemClock() };
      const stores = [
        typeOrmTokenStore({ poolSize: 0 }).create(context, dataSource),
        typeOrmRevocationStore({ poolSize: 0 }).create(context, dataSource),
      ];
      for (const { table, column } of columns) {
        await client.query(`ALTER TABLE ${table} RENAME COLUMN ${column} TO something_else`);
        const outcomes = await Promise.allSettled(stores.map((store) => store.checkSchema()));
        // The audit is for both.
        const sentences = [...new Set(refusals(outcomes))];
        expect(sentences).toEqual([expect.stringContaining(`lacks the column ${table}.${column}: run`)]);
        await client.query(`ALTER TABLE ${table} RENAME COLUMN something_else TO ${column}`);
      }
      await dataSource.destroy();
    });
    await change(url, 'ALTER TABLE nowgg_user_lock RENAME TO gone', 'ALTER TABLE nowgg_token_life RENAME TO gone_too');
    expect(await start(url)).toEqual([
      expect.stringContaining('lacks the table nowgg_user_lock: run'),
      expect.stringContaining('lacks the table nowgg_token_life: run'),
    ]);
  }, 120_000);

  it('refuses a newer major version in both stores, and accepts columns that it does not know', async () => {
    const url = await migrated();
    await change(
      url,
      'ALTER TABLE nowgg_grant ADD COLUMN later text',
      'ALTER TABLE nowgg_revocation ADD COLUMN later text',
    );
    expect(await start(url)).toEqual([]);
    await change(url, 'INSERT INTO nowgg_schema (major, reached_at) VALUES (2, now())');
    const refused = expect.stringMatching(
      /have major version 2, and this release knows 1: deploy a release that knows/,
    );
    expect(await start(url)).toEqual([refused, refused]);
    await change(url, 'DELETE FROM nowgg_schema WHERE major = 2');
    expect(await start(url)).toEqual([]);
  });

  it('needs no right but to use the tables, in a schema of their own, through PgBouncer', async () => {
    const url = await cluster.createDatabase();
    await change(url, 'CREATE SCHEMA "Auth"');
    const owner = await new DataSource({
      type: 'postgres',
      url,
      schema: 'Auth',
      entities: nowggEntities,
      migrations: nowggMigrations,
      migrationsRun: true,
      installExtensions: false,
    }).initialize();
    await owner.destroy();
    await change(
      url,
      `CREATE ROLE ${ROLE} LOGIN`,
      `GRANT USAGE ON SCHEMA "Auth" TO ${ROLE}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "Auth" TO ${ROLE}`,
      'REVOKE ALL ON SCHEMA public FROM PUBLIC',
    );
    const asRole = url.replace('postgres@', `${ROLE}@`);
    expect(await start(asRole, 'Auth')).toEqual([]);
    expect(await start(asRole)).toHaveLength(2);
    bouncer = await startPgBouncer(url, 3);
    expect(await start(bouncer.url, 'Auth')).toEqual([]);
    await change(url, 'ALTER TABLE "Auth".nowgg_grant DROP COLUMN begun_at');
    expect(await start(asRole, 'Auth')).toEqual([expect.stringContaining('lacks the column nowgg_grant.begun_at')]);
  });

  it('refuses a role that may not write what triggers write, and names the table and the right', async () => {
    const url = await migrated();
    await change(
      url,
      'CREATE ROLE restricted LOGIN',
      'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO restricted',
    );
    const asRole = url.replace('postgres@', 'restricted@');
    expect(await start(asRole)).toEqual([]);
    await change(url, 'REVOKE INSERT, UPDATE ON nowgg_vault_count FROM restricted');
    const refused = /^the database role lacks the right to INSERT, UPDATE in the table nowgg_vault_count: grant SELECT/;
    expect(await start(asRole)).toEqual([expect.stringMatching(refused)]);
    await change(url, 'REVOKE SELECT ON nowgg_token_life FROM restricted');
    expect(await start(asRole)).toEqual([
      expect.stringMatching(refused),
      expect.stringContaining('lacks the right to SELECT in the table nowgg_token_life'),
    ]);
  });

  it('accepts rights on columns, and a role that only adds records of tokens', async () => {
    const url = await migrated();
    await change(
      url,
      'CREATE ROLE careful LOGIN',
      'GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO careful',
      'REVOKE UPDATE, DELETE ON nowgg_issued_token, nowgg_key FROM careful',
      'REVOKE INSERT, UPDATE, DELETE ON nowgg_schema FROM careful',
      'REVOKE UPDATE ON nowgg_user_lock FROM careful',
      'REVOKE UPDATE, DELETE ON nowgg_audit FROM careful',
      'GRANT UPDATE (ended_at) ON nowgg_user_lock TO careful',
    );
    expect(await start(url.replace('postgres@', 'careful@'))).toEqual([]);
  });

  it.each([
    ['missing', 'DROP TRIGGER nowgg_grant_count_update ON nowgg_grant'],
    ['disabled', 'ALTER TABLE nowgg_grant DISABLE TRIGGER nowgg_grant_count_update'],
  ])('names a trigger that is %s: counts would be wrong, and nothing else would show it', async (_how, statement) => {
    const url = await migrated();
    await change(url, statement);
    expect(await start(url)).toEqual([
      expect.stringMatching(/^the table nowgg_grant lacks the trigger nowgg_grant_count_update, or it is disabled/),
    ]);
  });

  it('sends one statement', async () => {
    const url = await migrated();
    const dataSource = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
    const store = typeOrmTokenStore({ poolSize: 0 }).create({ clock: new SystemClock() }, dataSource);
    const query = jest.spyOn(dataSource, 'query');
    await store.checkSchema();
    expect(query).toHaveBeenCalledTimes(1);
    await dataSource.destroy();
  });
});
