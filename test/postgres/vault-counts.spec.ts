import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Client } from 'pg';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import type { GrantRecord } from '../../libs/nowgg-auth/src/tokens/store/grant-record.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { sealOf } from '../../libs/nowgg-auth/src/typeorm/database/grant-expressions.js';
import { nowggEntities, nowggMigrations, typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { storeGrant } from '../support/token-service/stored-grant.js';

/** What differs between the kept counts and a count of the rows, in one snapshot. */
const DIFFERENCES = `
  WITH kept AS (
    SELECT state, refresh_seal, access_seal, handle_key_id, sum(grants)::bigint AS grants FROM nowgg_vault_count
    GROUP BY 1, 2, 3, 4 HAVING sum(grants) <> 0
  ), counted AS (
    SELECT state, ${sealOf('refresh_ct')}, ${sealOf('access_ct')}, coalesce(handle_key_id, ''), count(*) FROM nowgg_grant
    GROUP BY 1, 2, 3, 4
  )
  SELECT 'kept' AS only, kept.* FROM (TABLE kept EXCEPT TABLE counted) kept
  UNION ALL SELECT 'counted', counted.* FROM (TABLE counted EXCEPT TABLE kept) counted`;

/** The same for the columns that upkeep finds grants by. */
const WRONG_COLUMNS = `
  SELECT id FROM nowgg_grant
  WHERE ended_at IS DISTINCT FROM CASE WHEN state IN ('needs_reauth', 'revoked') THEN updated_at END
    OR unwiped_at IS DISTINCT FROM CASE WHEN length(refresh_ct) > 0 THEN ended_at END
    OR (refresh_week IS NULL) <> (refresh_not_after IS NULL)
    OR NOT greatest(refresh_not_after, access_obtained_at)
      BETWEEN to_timestamp(refresh_week * 604800.0) AND to_timestamp((refresh_week + 1) * 604800.0)`;

const sealed = (keyId: string, version = 2) =>
  Buffer.concat([Buffer.from([version, keyId.length]), Buffer.from(keyId), Buffer.from(randomUUID())]);

describe('the kept counts of the grants', () => {
  let cluster: PostgresCluster;
  let dataSource: DataSource;
  let store: TokenStore;
  let url: string;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    url = await cluster.createDatabase();
    dataSource = await migratedDataSource(url, 30);
    store = typeOrmTokenStore({ poolSize: 20 }).create({ clock: new SystemClock() }, dataSource);
  }, 60_000);
  beforeEach(() => dataSource.query('TRUNCATE nowgg_grant, nowgg_exchange'));
  afterAll(async () => {
    await store.close();
    await dataSource.destroy();
    await cluster.stop();
  });

  const differences = () => dataSource.query<object[]>(DIFFERENCES);
  const signIn = async (keyId = 'k1', ends = false): Promise<GrantRecord> =>
    storeGrant(store, {
      userId: `player-${Math.floor(Math.random() * 20)}`,
      refreshCiphertext: sealed(keyId),
      accessCiphertext: sealed(keyId),
      refreshTokenExpiresAtMs: Date.now() + (ends ? -1_000 : 30 * 86_400_000),
      handleKeyId: keyId,
    });

  /** The store repeats what PostgreSQL ends as a deadlock. Other programs may not: then nothing has changed. */
  const expectDeadlock = ({ code }: { code?: string }) => expect(code).toBe('40P01');

  const STEPS = {
    signIn: async () => void (await signIn(Math.random() < 0.5 ? 'k1' : 'k2', Math.random() < 0.3)),
    refresh: async ({ id, generation, sessionVersion }: GrantRecord) => {
      const owner = randomUUID();
      await store.acquireLease({ id, generation, owner, leaseMs: 1, takeoverLeaseMs: 1, quietMs: 0, secret: '' });
      const texts = { refreshCiphertext: sealed('k2'), accessCiphertext: sealed('k2') };
      const times = { accessTokenExpiresAtMs: undefined, refreshTokenExpiresAtMs: Date.now() + 40 * 86_400_000 };
      await store.commitTokens({ id, generation, sessionVersion, ...texts, ...times });
    },
    refuse: async ({ id, generation }: GrantRecord) => {
      const owner = randomUUID();
      await store.acquireLease({ id, generation, owner, leaseMs: 60_000, takeoverLeaseMs: 1, quietMs: 0, secret: '' });
      const state = Math.random() < 0.5 ? 'suspect' : 'needs_reauth';
      await store.recordRefusal({ id, generation, owner, state, failCode: 'no', retryInMs: 0, evidence: undefined });
    },
    revoke: async ({ id }: GrantRecord) => void (await store.revokeGrant(id)),
    revokeUser: async ({ userId }: GrantRecord) => void (await store.revokeUser('nowgg', userId, 'client')),
    wipe: async ({ id }: GrantRecord) => store.wipeTexts(id),
    handle: async ({ id }: GrantRecord) => store.noteHandleKey(id, Math.random() < 0.5 ? 'k1' : 'k3'),
    reseal: async () => {
      const { grants } = await store.listSealedOtherwise(sealed('k3').subarray(0, 4), undefined, 50);
      const texts = { refreshCiphertext: sealed('k3'), accessCiphertext: sealed('k3') };
      await store.resealGrants(grants.map((grant) => ({ ...grant, ...texts })));
    },
    sweep: async () => void (await store.sweep({ endedForMs: 0, expiredForMs: 0, exchangeOlderThanMs: 60_000 }, 7)),
    sweepTexts: async () => void (await store.sweepTexts(0, 7)),
    forget: async ({ userId }: GrantRecord) => void (await store.forgetUser('nowgg', userId, 'client')),
    // What an operator or another program may do.
    sql: async ({ id }: GrantRecord) =>
      void (await dataSource
        .query("UPDATE nowgg_grant SET state = 'active', access_ct = '\\x0102' WHERE id = $1", [id])
        .catch(expectDeadlock)),
    undone: async () =>
      inDatabase(url, async (client) => {
        await client.query('BEGIN');
        await client
          .query("UPDATE nowgg_grant SET state = 'revoked', updated_at = now(); DELETE FROM nowgg_grant")
          // A deadlock with one of the other steps undoes it as well.
          .catch(expectDeadlock);
        await client.query('ROLLBACK');
      }),
  };
  const names = Object.keys(STEPS) as (keyof typeof STEPS)[];

  it('are those of the rows in every snapshot, whatever runs at the same time', async () => {
    const frequent = names.filter((name) => name !== 'undone' && name !== 'forget');
    const lane = fc.array(fc.constantFrom(...frequent, ...frequent, 'signIn' as const, ...names), {
      minLength: 20,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(lane, { minLength: 6, maxLength: 6 }), async (lanes) => {
        await Promise.all(Array.from({ length: 15 }, () => signIn()));
        const over = new AbortController();
        const checking = (async () => {
          while (!over.signal.aborted) expect(await differences()).toEqual([]);
        })();
        const play = async (steps: (keyof typeof STEPS)[]) => {
          for (const step of steps) {
            const [row] = await dataSource.query<{ id: string }[]>(
              'SELECT id FROM nowgg_grant ORDER BY random() LIMIT 1',
            );
            const grant = (row && (await store.findGrant(row.id))) ?? (await signIn());
            await STEPS[step](grant);
          }
        };
        try {
          const played = await Promise.allSettled(lanes.map(play));
          // Not before all have ended: the next test must not meet their transactions.
          for (const each of played) if (each.status === 'rejected') throw each.reason;
        } finally {
          over.abort();
          await checking;
        }
        expect(await differences()).toEqual([]);
        expect(await dataSource.query(WRONG_COLUMNS)).toEqual([]);
      }),
      { numRuns: 6, seed: 20_260_101, endOnFailure: true },
    );
  }, 120_000);

  it('let no transaction wait for another, more of them than there are slots', async () => {
    const grants = await Promise.all(Array.from({ length: 80 }, () => signIn()));
    const clients = await Promise.all(
      grants.map(async () => {
        const client = new Client({ connectionString: url });
        await client.connect();
        await client.query("SET lock_timeout = '1ms'");
        return client;
      }),
    );
    clients.forEach((client) => client.on('error', () => undefined));
    for (const [index, client] of clients.entries()) {
      await client.query('BEGIN');
      await client.query("UPDATE nowgg_grant SET state = 'suspect' WHERE id = $1", [grants[index]?.id]);
    }
    for (const [index, client] of clients.entries()) {
      await client.query(index % 2 === 0 ? 'COMMIT' : 'ROLLBACK');
      await client.end();
    }
    expect((await store.countVault()).byState).toMatchObject({ active: 40, suspect: 40 });
    expect(await differences()).toEqual([]);
  }, 30_000);

  it('are kept in a schema of its own, for a role that may only read and write rows, whatever its search path is', async () => {
    const other = await cluster.createDatabase();
    await inDatabase(other, (client) => client.query('CREATE SCHEMA "Auth"; CREATE ROLE writer LOGIN'));
    const owner = await new DataSource({
      type: 'postgres',
      url: other,
      schema: 'Auth',
      entities: nowggEntities,
      migrations: nowggMigrations,
      migrationsRun: true,
      installExtensions: false,
    }).initialize();
    await owner.query('GRANT USAGE ON SCHEMA "Auth" TO writer');
    await owner.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "Auth" TO writer');
    await owner.query("ALTER ROLE writer SET search_path = ''");
    const written = await new DataSource({
      type: 'postgres',
      url: other.replace('postgres@', 'writer@'),
      schema: 'Auth',
      installExtensions: false,
    }).initialize();
    const theirs = typeOrmTokenStore({ poolSize: 0 }).create({ clock: new SystemClock() }, written);
    const codeHash = randomUUID();
    await theirs.claimExchange({ codeHash, owner: randomUUID(), leaseMs: 10_000 });
    const { id } = await signIn();
    const template = (await store.findGrant(id)) as GrantRecord;
    await theirs.completeExchange(codeHash, { ...template, id: randomUUID() });
    expect(await theirs.countVault()).toMatchObject({ byKeyId: { k1: 1 }, exchanges: 1 });
    await written.destroy();
    await owner.destroy();
  }, 30_000);

  it('begin with the rows that are there when the migration runs', async () => {
    await Promise.all(Array.from({ length: 5 }, () => signIn()));
    await store.revokeGrant((await signIn('k2')).id);
    await dataSource.undoLastMigration();
    await dataSource.runMigrations();
    expect(await differences()).toEqual([]);
    expect(await dataSource.query(WRONG_COLUMNS)).toEqual([]);
    expect((await store.countVault()).byKeyId).toEqual({ k1: 5, k2: 1 });
  }, 30_000);
});
