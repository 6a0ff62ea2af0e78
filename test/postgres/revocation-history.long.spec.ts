import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { inLanes } from '../support/token-service/token-suite.js';
import { countReading, readAll } from './support/news.js';

type Store = RevocationStore & { onApplicationShutdown(): Promise<void> };

const clock = new SystemClock();
const ban = (userId: string) =>
  ({ provider: 'nowgg', kind: 'user', id: userId, issuedUntilMs: Date.now(), refusedUntilMs: undefined }) as const;
let cluster: PostgresCluster;

beforeAll(async () => {
  cluster = await startPostgresCluster();
});
afterAll(() => cluster.stop());

type Plan = Readonly<Record<string, unknown>>;

/** The numbers of rows that a plan takes from indexes, up to a limit. */
function limitedRows(plan: Plan): number[] {
  const below = ((plan.Plans ?? []) as readonly Plan[]).flatMap(limitedRows);
  const isOfIndex = plan['Node Type'] === 'Limit' && JSON.stringify(plan.Plans).includes('"Index Name"');
  return isOfIndex ? [plan['Actual Rows'] as number, ...below] : below;
}

describe('a history of 208,000 revocations of which 18,000 still matter', () => {
  let history: string;
  let source: DataSource;

  beforeAll(async () => {
    history = await cluster.createDatabase();
    source = await migratedDataSource(history);
    const ended = `now() - interval '1 hour'`;
    await source.query(`
      INSERT INTO nowgg_revocation (provider, kind, subject_id, issued_until, refused_until, marked_at, not_after, changed_at)
      SELECT 'nowgg', 'user', 'long-ago-' || n, at, NULL::timestamptz, at, NULL::timestamptz, at
        FROM generate_series(1, 100000) AS n, LATERAL (SELECT now() - interval '2 days' - n * interval '1 second' AS at) AS t
      UNION ALL SELECT 'nowgg', 'credential', 'expired-' || n, now(), NULL, now(), ${ended}, now() FROM generate_series(1, 80000) AS n
      UNION ALL SELECT 'nowgg', 'user', 'ban-is-over-' || n, NULL, ${ended}, NULL, NULL, now() FROM generate_series(1, 10000) AS n
      UNION ALL SELECT 'nowgg', 'user', 'live-' || n, now(), NULL, now(), NULL, now() - interval '3 hours' FROM generate_series(1, 6000) AS n
      UNION ALL SELECT 'nowgg', 'user', 'banned-' || n, NULL, now() + interval '1 year', NULL, NULL, now() - interval '90 days'
        FROM generate_series(1, 3999) AS n
      UNION ALL SELECT 'nowgg', 'session', 'lasting', now() - interval '50 days', NULL, NULL, now() + interval '1 day', now() - interval '50 days'
      UNION ALL SELECT 'nowgg', 'session', 'lasting-' || n, now(), NULL, now(), now() + interval '40 days', now() FROM generate_series(1, 1000) AS n
      UNION ALL SELECT 'nowgg', 'credential', 'ends-soon-' || n, now(), NULL, now(), now() + interval '1 hour', now() FROM generate_series(1, 7000) AS n
    `);
    await source.query('VACUUM ANALYZE nowgg_revocation');
  }, 60_000);
  afterAll(() => source.destroy());

  it('costs a process the live ones alone, in pages, and guards wait for the last of them', async () => {
    const store = typeOrmRevocationStore({ notify: false }).create({ clock }, source) as Store;
    const read = countReading(store);
    const feed = new RevocationFeed(store, clock);
    expect(feed.isLoaded).toBe(false);
    await feed.start();
    while (!feed.isLoaded) await clock.wait(5);
    await feed.close();
    await store.onApplicationShutdown();
    // A page is applied 500 at a time, whatever its size.
    expect(read.largestPage).toBeLessThanOrEqual(5_000);
    expect(read.watermarks).toBe(18_000);
    const inForce = (id: string, kind: 'user' | 'session' = 'user') => feed.find({ provider: 'nowgg', kind, id });
    expect(['live-1', 'live-6000', 'banned-1', 'banned-3999'].map((id) => inForce(id)?.id)).toEqual([
      'live-1',
      'live-6000',
      'banned-1',
      'banned-3999',
    ]);
    expect(inForce('lasting', 'session')).toBeDefined();
    expect([inForce('long-ago-1'), inForce('ban-is-over-1')]).toEqual([undefined, undefined]);
  }, 60_000);

  it('has each row of the last days looked at once, by an index', async () => {
    const send = source.query.bind(source);
    const plans: Record<string, unknown>[] = [];
    source.query = async (statement: string, parameters?: unknown[]) => {
      if (statement.includes('subject_id')) {
        const [row] = await send(`EXPLAIN (ANALYZE, FORMAT JSON) ${statement}`, parameters);
        plans.push(row['QUERY PLAN'][0].Plan);
      }
      return send(statement, parameters) as never;
    };
    const store = typeOrmRevocationStore({ notify: false, poolSize: 0 }).create({ clock }, source) as Store;
    await readAll(store);
    source.query = send as never;
    const looked = plans.flatMap(limitedRows).reduce((total, rows) => total + rows, 0);
    // Bans, those with a late end, and all of the last 30 days, of which 190,000 have ended.
    expect(looked).toBe(3_999 + 1_001 + 190_000 + 6_000 + 1_000 + 7_000);
    expect(JSON.stringify(plans).includes('Seq Scan')).toBe(false);
  }, 60_000);

  it('is told by the store without what has ended', async () => {
    const store = typeOrmRevocationStore({ notify: false }).create({ clock }, source) as Store;
    const lives = { defaultMs: 24 * 3_600_000, entries: () => [] };
    const ids = new Set<string>();
    for (let cursor: string | undefined; ; ) {
      const changes = await store.changesSince(cursor, lives);
      for (const { id } of changes.watermarks) ids.add(id);
      cursor = changes.cursor;
      if (!changes.isPartial) break;
    }
    expect(ids.size).toBe(18_000);
    const longer = { defaultMs: 24 * 3_600_000, entries: () => [['nowgg', 3 * 86_400_000]] as const };
    const first = await store.changesSince(undefined, longer);
    expect(first.isPartial).toBe(true);
    await store.onApplicationShutdown();
  }, 60_000);
});

describe('what a process reads', () => {
  it('of 10,000 bans given together and one by one is each of them about once, though each is announced', async () => {
    const dataSource = await migratedDataSource(await cluster.createDatabase());
    const stores = [1, 2, 3].map(() => typeOrmRevocationStore().create({ clock }, dataSource) as Store);
    const [writer, ...readers] = stores as [Store, ...Store[]];
    const reads = readers.map(countReading);
    const feeds = readers.map((store) => new RevocationFeed(store, clock));
    await Promise.all(feeds.map((feed) => feed.start()));
    for (const read of reads) read.watermarks = 0;
    const ids = Array.from({ length: 10_000 }, (_, n) => `stormy-${n}`);
    await inLanes(90, async (n) => void (await writer.putMany(ids.slice(n * 100, n * 100 + 100).map(ban))));
    await inLanes(1_000, async (n) => void (await writer.put(ban(ids[9_000 + n] as string))));
    for (const feed of feeds) {
      while (ids.some((id) => feed.find(ban(id)) === undefined)) await clock.wait(20);
      // Polls with the whole overlap follow, and find nothing new.
      for (let poll = 0; poll < 3; poll += 1) {
        await clock.wait(1_000);
        await feed.readNow();
      }
      await feed.close();
    }
    for (const read of reads) {
      expect(read.watermarks).toBeGreaterThanOrEqual(10_000);
      expect(read.watermarks).toBeLessThanOrEqual(20_000);
    }
    for (const store of stores) await store.onApplicationShutdown();
    await dataSource.destroy();
  }, 60_000);
});
