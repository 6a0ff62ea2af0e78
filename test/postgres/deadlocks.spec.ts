import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { storeGrant } from '../support/token-service/stored-grant.js';

/** Statements that lock several grants, and so can meet another transaction that locks them in another order. */
const STATEMENTS: Record<string, (store: TokenStore, userId: string) => Promise<unknown>> = {
  'an erasure': async (store, userId) => store.forgetUser('nowgg', userId, 'client'),
  'a ban': async (store, userId) => store.revokeUser('nowgg', userId, 'client'),
};

describe('a deadlock with another program', () => {
  let cluster: PostgresCluster;
  let dataSource: DataSource;
  let store: TokenStore;
  let other: Client;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    const url = await cluster.createDatabase();
    dataSource = await migratedDataSource(url, 5);
    store = typeOrmTokenStore({ poolSize: 5 }).create({ clock: new SystemClock() }, dataSource);
    other = new Client({ connectionString: url });
    await other.connect();
    // The statement of the store finds the deadlock and is rolled back, never the other one.
    await other.query("SET deadlock_timeout = '1min'");
  }, 60_000);
  afterAll(async () => {
    await other.end();
    await store.close();
    await dataSource.destroy();
    await cluster.stop();
  });

  /** Holds one grant until the store waits for it, and then wants the other one. */
  const cross = async (held: string | undefined, wanted: string | undefined, meanwhile: () => Promise<unknown>) => {
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM nowgg_grant WHERE id = $1 FOR UPDATE', [held]);
    const done = meanwhile();
    await other.query(`DO $$ BEGIN
      WHILE NOT EXISTS (SELECT 1 FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))) LOOP END LOOP;
      PERFORM 1 FROM nowgg_grant WHERE id = '${wanted}' FOR UPDATE;
    END $$`);
    await other.query('ROLLBACK');
    return done;
  };

  it.each(Object.keys(STATEMENTS))('is not the end of %s: the statement is sent again', async (name) => {
    // One of the two is the order in which the statement locks them.
    const userId = randomUUID();
    for (const order of [0, 1]) {
      const grants = [await storeGrant(store, { userId }), await storeGrant(store, { userId })];
      await cross(grants[order]?.id, grants[1 - order]?.id, async () => STATEMENTS[name]?.(store, userId));
    }
    const left = await dataSource.query("SELECT 1 FROM nowgg_grant WHERE user_id = $1 AND state = 'active'", [userId]);
    expect(left).toEqual([]);
  });
});
