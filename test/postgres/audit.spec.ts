import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { FeatureBans } from '../../libs/nowgg-auth/src/revocation/feature-bans.js';
import { NowggRevocationService } from '../../libs/nowgg-auth/src/revocation/nowgg-revocation.service.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { FakeIdentityProvider } from '../../libs/nowgg-auth/src/testing-support/fake-identity-provider.js';
import { runInTerminal } from '../../libs/nowgg-auth/src/testing-support/run-command.js';
import { checkKeys } from '../../libs/nowgg-auth/src/tokens/vault/key-checks.js';
import { KeyRing } from '../../libs/nowgg-auth/src/tokens/vault/key-ring.js';
import type { TokenStore } from '../../libs/nowgg-auth/src/tokens/store/token-store.js';
import { NowggVaultService } from '../../libs/nowgg-auth/src/tokens/upkeep/nowgg-vault-service.js';
import { type NowggAuditQuery, NowggAuditService } from '../../libs/nowgg-auth/src/trail/nowgg-audit.service.js';
import { typeOrmRevocationStore, typeOrmTokenStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { RING } from '../support/token-service/token-service.js';
import { plantGrants } from '../support/vault-grants.js';

const UNTIL = new Date('2099-01-01T00:00:00Z');
const TOKEN = 'planted-token-of-a-player';
const SESSION = 'planted-session-of-a-player';

interface Parts {
  readonly dataSource: DataSource;
  readonly store: TokenStore;
  readonly revocationStore: RevocationStore;
  readonly revocations: NowggRevocationService;
  readonly vault: NowggVaultService;
  readonly audit: NowggAuditService;
}

describe('the audit', () => {
  const clock = new SystemClock();
  let cluster: PostgresCluster;
  let url: string;
  let owner: Parts;
  /** A role with the rights that the documentation asks for. */
  let game: Parts;
  const opened: DataSource[] = [];

  async function partsOn(dataSource: DataSource): Promise<Parts> {
    opened.push(dataSource);
    const store = typeOrmTokenStore({ poolSize: 0 }).create({ clock }, dataSource);
    const revocationStore = typeOrmRevocationStore({ poolSize: 0, notify: false }).create({ clock }, dataSource);
    const providers = new IdentityProviders([new FakeIdentityProvider()]);
    const feed = new RevocationFeed(revocationStore, clock);
    const ofFeatures = { clock, hints: undefined, beforeFirstLoad: 'refuse', onUnknown: 'serve' } as const;
    const features = new FeatureBans({ ...ofFeatures, store: revocationStore.features, areRequired: () => false });
    const parts = { store: revocationStore, feed, features, providers, clock, clockSkewMs: 5_000 };
    return {
      dataSource,
      store,
      revocationStore,
      revocations: new NowggRevocationService(parts),
      vault: new NowggVaultService({
        store,
        revocationStore,
        identityProviders: { getOrOnly: (name = 'nowgg') => ({ name }) },
        encryptionKeys: [RING[1], RING[0]],
      }),
      audit: new NowggAuditService({ trail: revocationStore.audit, providers }),
    };
  }

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    url = await cluster.createDatabase();
    owner = await partsOn(await migratedDataSource(url));
    await owner.dataSource.query('CREATE ROLE game LOGIN');
    await owner.dataSource.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO game');
    await owner.dataSource.query('REVOKE UPDATE, DELETE ON nowgg_audit FROM game');
    const asGame = { type: 'postgres', url: url.replace('postgres@', 'game@'), installExtensions: false } as const;
    game = await partsOn(await new DataSource({ ...asGame, poolSize: 10 }).initialize());
  }, 60_000);
  beforeEach(async () => {
    await owner.dataSource.query(
      'TRUNCATE nowgg_audit, nowgg_audit_person, nowgg_revocation, nowgg_feature_ban, nowgg_grant, nowgg_key',
    );
  });
  afterAll(async () => {
    for (const dataSource of opened) await dataSource.destroy();
    await cluster.stop();
  });

  const rows = async (query: NowggAuditQuery = {}) => game.audit.list({ limit: 500, ...query });
  const dump = async () =>
    JSON.stringify(await owner.dataSource.query('SELECT nowgg_audit::text FROM nowgg_audit ORDER BY at, id'));
  const count = async (table: string): Promise<number> =>
    (await owner.dataSource.query(`SELECT count(*)::integer AS count FROM ${table}`))[0].count;
  const age = async (days: number) => {
    await owner.dataSource.query(`UPDATE nowgg_audit SET at = at - interval '${days} days'`);
    await owner.dataSource.query(`UPDATE nowgg_audit_person SET used_at = used_at - interval '${days} days'`);
  };

  it('has each act with its author, reason and note, under a role that may only add and read rows', async () => {
    await game.revocationStore.checkSchema();
    await game.store.checkSchema();
    const reason = { code: 'cheating', text: 'Aim assistance was found.' };
    await game.revocations.revoke({ userId: 'p1' }, { until: UNTIL, reason, by: 'desk-7', note: 'case 12' });
    await game.revocations.revoke({ userId: 'p1', feature: 'chat' }, { by: 'desk-8' });
    await game.revocations.restore({ userId: 'p1' }, { by: 'desk-9', note: 'appeal' });
    await game.revocations.restore({ userId: 'p1', feature: 'chat' });
    await game.revocations.revoke({ userId: 'p2' }, { note: 'asked by mail' });
    const about = { provider: 'nowgg', kind: 'user', userId: 'p1', id: expect.any(String), at: expect.any(Date) };
    const found = await rows({ userId: 'p1' });
    expect(found.map(({ subject: _subject, ...row }) => row)).toEqual([
      { ...about, action: 'restore', feature: 'chat' },
      { ...about, action: 'restore', by: 'desk-9', note: 'appeal' },
      { ...about, action: 'ban', feature: 'chat', by: 'desk-8' },
      {
        ...about,
        action: 'ban',
        until: UNTIL,
        by: 'desk-7',
        reasonCode: 'cheating',
        reasonText: 'Aim assistance was found.',
        note: 'case 12',
      },
    ]);
    expect(new Set(found.map(({ subject }) => subject)).size).toBe(1);
    expect(await rows({ userId: 'p2' })).toMatchObject([{ action: 'sign_out', note: 'asked by mail' }]);
    expect(await rows({ userId: 'p3' })).toEqual([]);
    expect(await rows()).toHaveLength(5);
    const change = game.dataSource.query("UPDATE nowgg_audit SET done_by = 'other'");
    await expect(change).rejects.toThrow('permission denied for table nowgg_audit');
    await expect(game.dataSource.query('DELETE FROM nowgg_audit')).rejects.toThrow('permission denied');
  });

  it('names no token or session, and still finds the acts on one', async () => {
    await game.revocations.revoke({ token: TOKEN }, { by: 'desk-7' });
    await game.revocations.revoke({ sessionId: SESSION }, { until: UNTIL });
    await game.revocations.revoke([{ tokenId: 'planted-id' }, { userId: 'p1' }]);
    expect(await rows()).toHaveLength(4);
    expect(await dump()).not.toMatch(/planted|p1/);
    const target = { provider: 'nowgg', kind: 'session', id: SESSION } as const;
    const trail = game.revocationStore.audit;
    expect(await trail?.list({ target, limit: 9 })).toMatchObject([{ action: 'ban', kind: 'session', until: UNTIL }]);
    expect(await trail?.list({ target: { ...target, id: 'other' }, limit: 9 })).toEqual([]);
  });

  it('has no row of an act that was refused or that the store could not write, and the reverse', async () => {
    await expect(game.revocations.revoke({ userId: 'p1' }, { by: '' })).rejects.toThrow('by must be');
    await expect(game.revocations.revoke({ userId: 'p1' }, { note: 'a\u202eb' })).rejects.toThrow('note must be');
    await expect(game.revocations.restore({ userId: 'p1' }, { note: '' })).rejects.toThrow('note must be');
    expect(await rows()).toEqual([]);
    await owner.dataSource.query('REVOKE INSERT ON nowgg_audit FROM game');
    const ban = { until: UNTIL };
    await expect(game.revocations.revoke({ userId: 'p1' }, ban)).rejects.toMatchObject({
      message: expect.stringContaining('may not use the tables'),
    });
    await expect(game.vault.forget('p1')).rejects.toThrow('may not use the tables');
    await expect(game.store.checkSchema()).rejects.toThrow('lacks the right to INSERT in the table nowgg_audit');
    await owner.dataSource.query('GRANT INSERT ON nowgg_audit TO game');
    await owner.dataSource.query('ALTER TABLE nowgg_audit RENAME TO gone');
    try {
      await expect(game.revocations.revoke({ userId: 'p1' }, ban)).rejects.toThrow('run nowggMigrations');
      for (const store of [game.store, game.revocationStore]) {
        await expect(store.checkSchema()).rejects.toThrow('the database lacks the table nowgg_audit: run nowggM');
      }
    } finally {
      await owner.dataSource.query('ALTER TABLE gone RENAME TO nowgg_audit');
    }
    expect(await count('nowgg_revocation')).toBe(0);
    expect(await count('nowgg_audit_person')).toBe(0);
    await game.revocations.revoke({ userId: 'p1' }, ban);
    expect(await rows({ userId: 'p1' })).toHaveLength(1);
  });

  it('tells nothing of a player who was erased, but that there was one', async () => {
    await game.revocations.revoke({ userId: 'p1' }, { by: 'desk-7' });
    await game.revocations.revoke({ userId: 'p2' }, { by: 'desk-7' });
    await game.vault.forget('p1', { by: 'desk-9', note: 'request 1234' });
    expect(await rows({ userId: 'p1' })).toEqual([]);
    const [erased, , signOut] = await rows();
    expect(erased).toMatchObject({ action: 'erase', kind: 'user', by: 'desk-9', note: 'request 1234' });
    expect(signOut).toEqual({ ...signOut, action: 'sign_out', subject: erased?.subject });
    expect([erased, signOut].map((row) => row?.userId)).toEqual([undefined, undefined]);
    expect(await count('nowgg_audit_person')).toBe(1);
    expect(await dump()).not.toContain('p1');
    await game.revocations.revoke({ userId: 'p1' });
    const [again] = await rows({ userId: 'p1' });
    expect(again?.subject).not.toBe(erased?.subject);
  });

  it('has every act when bans, lifts and erasures of the same players come at the same time', async () => {
    const players = ['a', 'b', 'c', 'd'];
    const orders = [players, players.toReversed(), ['c', 'a', 'd', 'b']];
    const targets = (of: readonly string[], feature?: string) =>
      of.map((userId) => ({ userId, ...(feature !== undefined && { feature }) }));
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([
        ...orders.map((of) => game.revocations.revoke(targets(of), { until: UNTIL })),
        ...orders.map((of, n) => game.revocations.revoke(targets(of, `feature-${(n * 7) % 3}`))),
        ...players.map((userId) => game.revocations.restore({ userId })),
        ...players.map((userId) => game.vault.forget(userId)),
      ]);
    }
    expect(await rows()).toHaveLength(10 * (2 * 12 + 4 + 4));
    for (const userId of players) await game.vault.forget(userId);
    expect(await count('nowgg_audit_person')).toBe(0);
    expect(await dump()).not.toMatch(/"(a|b|c|d)"/);
  });

  it('has the begin and the end of a rotation, none of one that had nothing to do, and the end of a client', async () => {
    await plantGrants(owner.dataSource, RING[0], 3);
    await checkKeys(owner.store, new KeyRing([RING[1], RING[0]]));
    await game.vault.rotate({ by: 'ops', note: 'yearly' });
    await game.vault.rotate();
    await game.vault.end({ client: 'x'.repeat(43), by: 'ops' });
    expect(await rows()).toMatchObject([
      { action: 'sign_out', by: 'ops', detail: `every grant of the client ${'x'.repeat(43)}` },
      { action: 'key_rotation', by: 'ops', detail: 'encrypted 3 grants under k2, complete' },
      { action: 'key_rotation', by: 'ops', note: 'yearly', detail: 'began to encrypt under k2' },
    ]);
  });

  it('gives each row once in pages, also those of one moment, and looks at no more than a page', async () => {
    await owner.dataSource.query(`
      INSERT INTO nowgg_audit_person SELECT 'nowgg', 'player-' || n, gen_random_uuid(), now() FROM generate_series(1, 200) AS n`);
    await owner.dataSource.query(`
      INSERT INTO nowgg_audit (at, id, action, provider, kind, subject)
      SELECT date_trunc('milliseconds', now()) - n / 1000 * interval '1 hour', gen_random_uuid(), 'ban', 'nowgg', 'user', subject
      FROM generate_series(1, 500) AS n, nowgg_audit_person`);
    await owner.dataSource.query('ANALYZE nowgg_audit, nowgg_audit_person');
    const seen = new Set<string>();
    let last: Awaited<ReturnType<typeof rows>>[number] | undefined;
    do {
      const page = await rows({ userId: 'player-7', limit: 30, ...(last && { after: last }) });
      for (const { id, userId } of page) {
        expect(userId).toBe('player-7');
        seen.add(id);
      }
      last = page.at(-1);
    } while (last);
    expect(seen.size).toBe(500);
    const first = await rows({ limit: 1 });
    const second = await rows({ limit: 1, after: first[0] as (typeof first)[number] });
    expect(second[0]?.id).not.toBe(first[0]?.id);
    const query = game.dataSource.query.bind(game.dataSource);
    const plans: string[] = [];
    game.dataSource.query = async (statement: string, parameters?: unknown[]) => {
      plans.push(JSON.stringify(await query(`EXPLAIN (ANALYZE) ${statement}`, parameters)));
      return query(statement, parameters) as never;
    };
    try {
      await rows({ userId: 'player-7', limit: 50, after: first[0] as (typeof first)[number] });
      await rows({ limit: 50 });
      await rows({ limit: 50, since: new Date(0), after: first[0] as (typeof first)[number] });
    } finally {
      game.dataSource.query = query;
    }
    expect(plans[0]).toContain('nowgg_audit_subject');
    for (const plan of plans.slice(1)) expect(plan).toContain('nowgg_audit_pk');
    for (const plan of plans) {
      expect(plan).not.toMatch(/Seq Scan on nowgg_audit[ "]/);
      expect(plan).toMatch(/Limit {2}\(cost=[^)]*\) \(actual time=[^)]*rows=50/);
    }
  }, 60_000);

  it('is printed by a command, and pruned by one that the role of the application may not run', async () => {
    await plantGrants(owner.dataSource, RING[0], 1);
    await game.revocations.revoke([{ userId: 'old' }, { userId: 'both' }], { by: 'desk-7' });
    await age(400);
    await game.revocations.revoke({ userId: 'both' }, { until: UNTIL, reason: { code: 'cheating' }, note: 'case 12' });
    const asOwner = (args: string) => runInTerminal(args.split(' '), { DATABASE_URL: url });
    const asGame = (args: string) =>
      runInTerminal(args.split(' '), { DATABASE_URL: url.replace('postgres@', 'game@') });
    const listed = await asGame('audit list both');
    expect(listed).toMatchObject({ exitCode: 0, complained: '' });
    expect(listed.printed.split('\n')).toEqual([
      expect.stringMatching(
        /^\d{4}-\S+Z {2}ban, both of nowgg, until 2099-01-01T00:00:00.000Z, by unknown, for cheating, note: case 12$/,
      ),
      expect.stringMatching(/^\d{4}-\S+Z {2}sign_out, both of nowgg, by desk-7$/),
      '',
    ]);
    const recent = JSON.parse((await asGame('audit list --days 30 --json')).printed) as { rows: unknown[] };
    expect(recent.rows).toMatchObject([{ action: 'ban', userId: 'both' }]);
    expect(await asGame('audit prune')).toMatchObject({
      exitCode: 1,
      printed: '',
      complained: expect.stringContaining(
        'lacks the right to UPDATE, DELETE in the table nowgg_audit: delete old rows with',
      ),
    });
    expect((await asOwner('audit prune --dry-run')).printed).toBe(
      'would delete 2 rows older than 365 days; nothing was changed\n',
    );
    expect(JSON.parse((await asOwner('audit prune --batch-size 1 --by ops --json')).printed)).toEqual({
      command: 'audit prune',
      dryRun: false,
      rows: 2,
      days: 365,
      interrupted: false,
    });
    expect(await rows()).toMatchObject([
      { action: 'prune', by: 'ops', detail: 'rows older than 365 days' },
      { action: 'ban', userId: 'both' },
    ]);
    expect(await owner.dataSource.query('SELECT user_id FROM nowgg_audit_person')).toEqual([{ user_id: 'both' }]);
    await asGame('vault forget --sign-out --yes --by desk-9 -- both');
    expect(await rows({ limit: 2 })).toMatchObject([
      { action: 'erase', by: 'desk-9' },
      { action: 'sign_out', by: 'desk-9' },
    ]);
    expect(await dump()).not.toContain('both');
  }, 60_000);
});
