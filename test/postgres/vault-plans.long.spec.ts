import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { explainByStores } from '../../libs/nowgg-auth/src/explain/explain-player.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { NowggVaultService } from '../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { typeOrmRevocationStore, typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { RING } from '../support/token-service/token-service.js';

const GRANTS = 200_000;
const ENDED = 2_000;
const EXPIRED = 1_000;
/** The most that one statement may look at: a page of a walk, and the rows that it changes found again. */
const MOST_ROWS = 25_000;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly Plan[];
}

function nodesOf(plan: Plan): readonly Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

const LARGE = ['nowgg_grant', 'nowgg_exchange', 'nowgg_issued_token', 'nowgg_revocation', 'nowgg_user_lock'];

describe('upkeep of a vault of 200,000 grants', () => {
  let cluster: PostgresCluster;
  let dataSource: DataSource;
  let vault: NowggVaultService;
  let stores: { readonly store: TokenStore; readonly revocationStore: RevocationStore };
  let sent: { statement: string; plan: Plan }[];

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    dataSource = await migratedDataSource(await cluster.createDatabase());
    await plant(dataSource);
    const context = { clock: new SystemClock() };
    stores = {
      store: typeOrmTokenStore({ poolSize: 0 }).create(context, dataSource),
      revocationStore: typeOrmRevocationStore({ poolSize: 0, notify: false }).create(context, dataSource),
    };
    vault = new NowggVaultService({
      ...stores,
      identityProviders: { getOrOnly: (name = 'nowgg') => ({ name }) },
      encryptionKeys: [RING[0]],
    });
    const send = dataSource.query.bind(dataSource);
    // Each statement is explained on the state that it meets, and undone; then it runs.
    dataSource.query = async (statement: string, parameters?: unknown[]) => {
      const runner = dataSource.createQueryRunner();
      await runner.startTransaction();
      const [row] = (await runner.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`, parameters)) as [
        { 'QUERY PLAN': [{ Plan: Plan }] },
      ];
      await runner.rollbackTransaction();
      await runner.release();
      sent.push({ statement, plan: row['QUERY PLAN'][0].Plan });
      return send(statement, parameters) as never;
    };
  }, 120_000);
  afterAll(async () => {
    await dataSource.destroy();
    await cluster.stop();
  });

  const expectBounded = () => {
    for (const { statement, plan } of sent) {
      const nodes = nodesOf(plan);
      const scanned = nodes.filter(({ 'Node Type': type }) => type === 'Seq Scan').map((node) => node['Relation Name']);
      expect([statement, scanned.filter((table) => LARGE.includes(table ?? ''))]).toEqual([statement, []]);
      for (const node of nodes) {
        const rows = (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];
        expect([statement, node['Node Type'], rows <= MOST_ROWS]).toEqual([statement, node['Node Type'], true]);
      }
    }
  };
  const rowsOf = (table: string) =>
    sent
      .flatMap(({ plan }) => nodesOf(plan))
      .filter((node) => node['Relation Name'] === table && node['Node Type'].includes('Scan'))
      .reduce(
        (total, node) => total + (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'],
        0,
      );
  const rowsOfGrants = () => rowsOf('nowgg_grant');

  it('counts them, and finds nothing to rotate, without a look at any grant', async () => {
    sent = [];
    expect((await vault.status()).byState).toMatchObject({ active: GRANTS - ENDED, revoked: ENDED });
    expect(await vault.rotate({ dryRun: true })).toMatchObject({ resealed: 0, complete: true });
    expect(await vault.rotate()).toMatchObject({ resealed: 0, complete: true });
    expectBounded();
    expect(rowsOfGrants()).toBe(0);
  }, 60_000);

  it('explains a player, and one by their token, with a handful of statements that read few rows', async () => {
    const [{ userId }] = (await dataSource.query(
      `SELECT user_id AS "userId" FROM nowgg_grant WHERE user_id = 'player-777'`,
    )) as [{ userId: string }];
    await dataSource.query(
      `INSERT INTO nowgg_issued_token (digest, grant_id, generation, begun_at, received_at, not_after)
       SELECT 'digest-of-a-token', id, 1, now(), now(), now() + interval '1 hour' FROM nowgg_grant WHERE user_id = $1`,
      [userId],
    );
    const sources = { ...stores, clock: new SystemClock(), clockSkewMs: 5_000 };
    const trail = sources.revocationStore.audit;
    sent = [];
    const subject = { provider: 'nowgg', clientKey: undefined };
    expect(await explainByStores({ ...subject, userId }, { ...sources, trail })).toMatchObject({
      sessions: [{ state: 'active' }],
    });
    const token = { text: 'a-token', credentialId: 'digest-of-a-token' };
    expect(await explainByStores({ ...subject, token }, { ...sources, trail })).toMatchObject({
      userId,
      token: { handedOutFor: [{ isNewest: true }] },
    });
    expectBounded();
    expect(rowsOfGrants()).toBeLessThan(20);
    expect(sent.length).toBeLessThanOrEqual(8);
  }, 60_000);

  it('finds grants that are about to lapse in one walk, in pages', async () => {
    sent = [];
    const lapsing = { client: { provider: 'nowgg', clientKey: 'client' }, idleMs: undefined, sinceAccessExpiry: false };
    let found = 0;
    for (let after: string | undefined; ; ) {
      const { grants, next } = await stores.store.listLapsing(lapsing, after, 2_000);
      found += grants.length;
      if (next === undefined) break;
      after = next;
    }
    expect(found).toBeGreaterThan(1_000);
    expectBounded();
    // Each grant is looked at once, and those that are found once more.
    expect(rowsOfGrants()).toBeLessThan(GRANTS + 4 * found);
  }, 60_000);

  it('counts claimed codes up to 100,000, in few statements', async () => {
    sent = [];
    expect((await vault.status()).exchanges).toBe(100_000);
    expectBounded();
    expect(sent.length).toBeLessThanOrEqual(15);
    expect(rowsOf('nowgg_exchange')).toBeLessThanOrEqual(100_000);
  }, 60_000);

  it('restores grants that ended by evidence in pages, past those that ended otherwise', async () => {
    await dataSource.query(
      `WITH done AS (UPDATE nowgg_grant SET state = 'needs_reauth', updated_at = now(),
           fail_confirmed_at = CASE WHEN n % 10 = 0 THEN now() END
         FROM (SELECT id AS ended, row_number() OVER (ORDER BY id) AS n FROM nowgg_grant WHERE state = 'active' LIMIT 20000) AS few
         WHERE id = ended RETURNING 1)
       SELECT count(*)::integer AS count FROM done`,
    );
    sent = [];
    expect(await vault.retry({ dryRun: true })).toBe(2_000);
    expect(await vault.retry({ batchSize: 100 })).toBe(2_000);
    expectBounded();
    // Those that ended otherwise are looked at about once by each of the two, not once by each of the 20 batches.
    expect(rowsOfGrants()).toBeLessThan(4 * 20_000);
    expect((await vault.status()).byState).toMatchObject({ suspect: 2_000, needs_reauth: 18_000 });
    await dataSource.query(
      `WITH done AS (UPDATE nowgg_grant SET state = 'active', fail_confirmed_at = NULL WHERE state IN ('suspect', 'needs_reauth') RETURNING 1)
       SELECT count(*)::integer AS count FROM done`,
    );
  }, 60_000);

  it('looks at a bounded number of grants in each statement of a rotation, in one walk', async () => {
    await dataSource.query(
      `WITH done AS (UPDATE nowgg_grant SET refresh_ct = overlay(refresh_ct PLACING 'k9'::bytea FROM 3),
         access_ct = overlay(access_ct PLACING 'k9'::bytea FROM 3)
         WHERE id = (SELECT max(id::text)::uuid FROM (SELECT id FROM nowgg_grant LIMIT 100) AS few) RETURNING 1)
       SELECT count(*)::integer AS count FROM done`,
    );
    sent = [];
    expect(await vault.rotate()).toMatchObject({ resealed: 0, unreadable: 1, complete: false });
    expectBounded();
    expect(rowsOfGrants()).toBeLessThan(1.1 * GRANTS);
  }, 120_000);

  it('deletes old grants at a cost that depends on their number only, and finds none afterwards', async () => {
    sent = [];
    expect(await vault.sweep({ dryRun: true })).toMatchObject({ grants: ENDED + EXPIRED });
    expectBounded();
    sent = [];
    expect(await vault.sweep({ batchSize: 100 })).toMatchObject({ grants: ENDED + EXPIRED });
    expectBounded();
    sent = [];
    expect(await vault.sweep()).toMatchObject({ grants: 0 });
    expectBounded();
    expect(rowsOfGrants()).toBeLessThan(100);
    // 100,000 users whose grants were ended a moment ago.
    expect(rowsOf('nowgg_user_lock')).toBeLessThan(100);
    expect((await vault.status()).byState).toMatchObject({ active: GRANTS - ENDED - EXPIRED, revoked: 0 });
  }, 120_000);
});

/** Grants that no key opens, under the header of the first key: few ended or expired long ago. */
async function plant(dataSource: DataSource): Promise<void> {
  await dataSource.query(
    `INSERT INTO nowgg_grant (id, provider, client_key, user_id, refresh_ct, access_ct, refresh_not_after, state,
       generation, session_version, access_obtained_at, fail_count, created_at, updated_at, handle_key_id)
     SELECT gen_random_uuid(), 'nowgg', 'client', 'player-' || n, text, text,
       now() + CASE WHEN n % 200 = 1 THEN interval '-60 days' ELSE (n % 60) * interval '1 day' END,
       CASE WHEN n % 100 = 0 THEN 'revoked' ELSE 'active' END, 1, 1, now() - interval '90 days', 0, now(),
       now() - CASE WHEN n % 100 = 0 THEN interval '40 days' ELSE interval '0' END, 'k1'
     FROM (SELECT n, '\\x02026b31'::bytea || decode(md5(n::text), 'hex') || decode(md5((-n)::text), 'hex') AS text
       FROM generate_series(1, ${GRANTS}) AS n) AS planted`,
  );
  await dataSource.query(
    `INSERT INTO nowgg_user_lock (provider, client_key, user_id, ended_at)
     SELECT 'nowgg', 'client', 'player-' || n, now() FROM generate_series(1, 100000) AS n`,
  );
  await dataSource.query(
    `INSERT INTO nowgg_exchange (code_hash, created_at) SELECT md5(n::text), now() FROM generate_series(1, 150000) AS n`,
  );
  await dataSource.query(
    `INSERT INTO nowgg_revocation (provider, kind, subject_id, issued_until, marked_at, changed_at)
     SELECT 'nowgg', 'session', md5(n::text), at, at, at
     FROM (SELECT n, now() - (n % 30) * interval '1 day' AS at FROM generate_series(1, 50000) AS n) AS marks`,
  );
  await dataSource.query(
    `INSERT INTO nowgg_issued_token (digest, grant_id, generation, begun_at, received_at, not_after)
     SELECT md5(n::text), gen_random_uuid(), 1, now(), now(), now() + interval '1 hour' FROM generate_series(1, 50000) AS n`,
  );
  await dataSource.query('VACUUM ANALYZE');
}
