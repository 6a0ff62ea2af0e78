import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { WRITTEN_BY } from '../../libs/nowgg-auth/src/typeorm/database/revocation-pages.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { describeRevocationStore } from '../contracts/revocation-store-contract.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { countReading, readAll } from './support/news.js';

type Store = RevocationStore & { onApplicationShutdown(): Promise<void> };

const clock = new SystemClock();
let cluster: PostgresCluster;
let dataSource: DataSource;
let url: string;
const opened: Store[] = [];

const openStore = (options: { notify?: boolean } = {}): Store => {
  const store = typeOrmRevocationStore(options).create({ clock }, dataSource) as Store;
  opened.push(store);
  return store;
};
const banned = { provider: 'nowgg', userId: 'banned' };
const ban = (userId: string) =>
  ({ provider: 'nowgg', kind: 'user', id: userId, issuedUntilMs: Date.now(), refusedUntilMs: undefined }) as const;

beforeAll(async () => {
  cluster = await startPostgresCluster();
  url = await cluster.createDatabase();
  dataSource = await migratedDataSource(url);
});

afterAll(async () => {
  for (const store of opened) await store.onApplicationShutdown();
  await dataSource.destroy();
  await cluster.stop();
});

describeRevocationStore('PostgreSQL through TypeORM', async () => ({
  store: openStore(),
  dispose: async () => undefined,
}));

/** Ends when the feed refuses, fails by the test's own time limit when it never does. */
async function untilRefused(feed: RevocationFeed, userId: string): Promise<void> {
  while (!feed.refuses({ ...banned, userId }, 'x'.repeat(32), Date.now())) await clock.wait(5);
}

describe('another process', () => {
  it('hears of a ban by NOTIFY, and again after its connection was cut', async () => {
    const [here, there] = [openStore(), openStore()];
    const heard = { hints: 0 };
    const feed = new RevocationFeed(there, clock);
    const stop = await there.watch(() => {
      heard.hints += 1;
      void feed.readNow();
    });
    while (heard.hints < 1) await clock.wait(5);
    await here.put(ban('first'));
    await untilRefused(feed, 'first');
    const before = heard.hints;
    await inDatabase(url, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`),
    );
    while (heard.hints === before) await clock.wait(5);
    await here.put(ban('second'));
    await untilRefused(feed, 'second');
    await stop();
    expect(heard.hints).toBeGreaterThan(before);
  });

  it('stops listening at any moment while its first connection is opened, and leaves none behind', async () => {
    for (let pauseMs = 0; pauseMs < 25; pauseMs += 1) {
      const stop = await openStore().watch(() => undefined);
      await clock.wait(pauseMs);
      await stop();
    }
    await expect(untilNobodyListens()).resolves.toBeUndefined();
  }, 20_000);

  it('finds a ban by its poll alone', async () => {
    const [here, there] = [openStore({ notify: false }), openStore({ notify: false })];
    const feed = new RevocationFeed(there, clock);
    await feed.start();
    await here.put(ban('polled'));
    await untilRefused(feed, 'polled');
    await feed.close();
    expect(feed.find(ban('polled'))).toMatchObject({ id: 'polled' });
  });

  it('misses no ban of two hundred that several write at the same time', async () => {
    const writers = [openStore(), openStore(), openStore()];
    const feed = new RevocationFeed(openStore({ notify: false }), clock);
    await feed.start();
    const ids = Array.from({ length: 200 }, (_, index) => `many-${index}`);
    await Promise.all(ids.map((id, index) => (writers[index % writers.length] as Store).put(ban(id))));
    for (const id of ids) await untilRefused(feed, id);
    await feed.close();
    expect(ids.filter((id) => feed.find(ban(id)) === undefined)).toEqual([]);
  });
});

/** Waits until no connection of the database listens. */
function untilNobodyListens(): Promise<void> {
  const listening = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE query LIKE 'LISTEN%'`;
  return inDatabase(url, async (client) => {
    while ((await client.query<{ count: number }>(listening)).rows[0]?.count !== 0) await clock.wait(5);
  });
}

describe('the tables', () => {
  it('refuse to boot when they are missing, with a sentence that names the migrations', async () => {
    const empty = new DataSource({ type: 'postgres', url: await cluster.createDatabase(), installExtensions: false });
    await empty.initialize();
    const store = typeOrmRevocationStore().create({ clock }, empty) as Store;
    const feed = new RevocationFeed(store, clock);
    await expect(feed.start()).rejects.toThrow(/nowggMigrations/);
    await feed.close();
    await store.onApplicationShutdown();
    await empty.destroy();
  });

  it('keep a ban that another program wrote, and a sign-out for longer than a sweep where tokens live longer', async () => {
    const store = openStore({ notify: false });
    await dataSource.query(`INSERT INTO nowgg_revocation (provider, kind, subject_id, refused_until, changed_at)
      VALUES ('nowgg', 'user', 'by-sql', now() + interval '1 day', now() - interval '60 days')`);
    const old = { ...ban('long-lived'), provider: 'web', issuedUntilMs: Date.now() - 40 * 86_400_000 };
    await store.put(old);
    await dataSource.query(
      `UPDATE nowgg_revocation SET changed_at = now() - interval '40 days' WHERE provider = 'web'`,
    );
    const feed = new RevocationFeed(openStore({ notify: false }), clock);
    await feed.start();
    expect(feed.find(ban('by-sql'))).toMatchObject({ id: 'by-sql' });
    await feed.close();
    expect(await store.countSpent(30 * 86_400_000)).toBe(1);
    await store.keepTokenLife('web', 60 * 86_400_000);
    expect(await store.countSpent(30 * 86_400_000)).toBe(0);
    const later = new RevocationFeed(openStore({ notify: false }), clock);
    await later.start();
    expect(later.find(old)).toMatchObject({ id: 'long-lived' });
    await later.close();
  });
});

describe('a page', () => {
  it('gives what a read of a single row gives, to the microsecond, of any id and any time', async () => {
    const source = await migratedDataSource(await cluster.createDatabase());
    const store = typeOrmRevocationStore({ notify: false, poolSize: 0 }).create({ clock }, source) as Store;
    const oddIds = ['line\nfeed', 'quote"\\', '\u0001 \u00fcml\u00e4ut \u{1f3ae}'];
    await source.query(
      `INSERT INTO nowgg_revocation (provider, kind, subject_id, issued_until, refused_until, marked_at, not_after, changed_at)
      SELECT 'nowgg', (ARRAY['user', 'session', 'token', 'credential'])[n % 4 + 1], 'random-' || n, at, NULL::timestamptz,
          CASE WHEN n % 3 = 0 THEN at END, CASE WHEN n % 2 = 0 THEN at + random() * interval '900 days' END, now()
        FROM generate_series(1, 500) AS n, LATERAL (SELECT now() + (random() + n * 0) * interval '3 hours' AS at) AS t
      UNION ALL SELECT 'other', 'user', $1, NULL, 'infinity', NULL, NULL, now()
      UNION ALL SELECT 'other', 'user', $2, NULL, '9999-12-31', NULL, NULL, now()
      UNION ALL SELECT 'other', 'user', $3, NULL, '2250-01-01 00:00:00.000001', NULL, NULL, now()
      UNION ALL SELECT 'other', 'session', 'for ever', 'infinity', 'infinity', 'infinity', 'infinity', '-infinity'`,
      oddIds,
    );
    const { watermarks } = await readAll(store);
    expect(watermarks.length).toBeGreaterThanOrEqual(504);
    expect(watermarks).toEqual(await Promise.all(watermarks.map((each) => store.find(each))));
    expect(watermarks.map(({ id }) => id)).toEqual(expect.arrayContaining([...oddIds, 'for ever']));
    await store.onApplicationShutdown();
    await source.destroy();
  }, 60_000);
});

describe('a sign-out of several tokens', () => {
  it('is one statement, all or none', async () => {
    const store = openStore({ notify: false });
    const credential = (id: string) => ({ ...ban(id), kind: 'credential', provider: 'batch' }) as const;
    await store.putMany([credential('a'), credential('b'), credential('c')]);
    const [written] = await dataSource.query(
      `SELECT count(*)::integer AS rows, count(DISTINCT xmin::text)::integer AS transactions FROM nowgg_revocation WHERE provider = 'batch'`,
    );
    expect(written).toEqual({ rows: 3, transactions: 1 });
    const bad = { ...credential('d'), id: 'zero \u0000 byte' };
    await expect(store.putMany([credential('e'), bad])).rejects.toMatchObject({ errorCode: 'store_unavailable' });
    expect(await store.find(credential('e'))).toBeUndefined();
  });

  it('of several processes at a time never waits for itself', async () => {
    const stores = [openStore({ notify: false }), openStore({ notify: false })];
    const ids = Array.from({ length: 300 }, (_, n) => `crossing-${n}`);
    const orders = [ids, ids.toReversed()];
    const rounds = Array.from({ length: 10 }, async () =>
      Promise.all(stores.map((store, n) => store.putMany((orders[n] as string[]).map(ban)))),
    );
    const outcomes = (await Promise.all(rounds)).flat();
    expect(outcomes.map((watermarks) => watermarks.length)).toEqual(Array.from({ length: 20 }, () => 300));
  }, 60_000);
});

describe('what a process reads', () => {
  it('includes a ban of a transaction that commits late, savepoints included, after many newer ones', async () => {
    const feed = new RevocationFeed(openStore({ notify: false }), clock);
    await feed.start();
    await inDatabase(url, async (client) => {
      await client.query('BEGIN');
      await client.query('SAVEPOINT within');
      const columns = 'provider, kind, subject_id, issued_until, marked_at, changed_at';
      await client.query(
        `INSERT INTO nowgg_revocation (${columns}) VALUES ('nowgg', 'user', 'late', now(), now(), clock_timestamp())`,
      );
      await client.query('RELEASE SAVEPOINT within');
      for (let round = 0; round < 5; round += 1) {
        await openStore({ notify: false }).put(ban(`newer-${round}`));
        await untilRefused(feed, `newer-${round}`);
        await clock.wait(300);
      }
      expect(feed.find(ban('late'))).toBeUndefined();
      await client.query('COMMIT');
    });
    await untilRefused(feed, 'late');
    await feed.close();
  }, 60_000);

  it('includes a ban that commits late although hints had processes read meanwhile and at its commit', async () => {
    const [reader, writer] = [openStore({ notify: false }), openStore({ notify: false })];
    const feed = new RevocationFeed(reader, clock);
    await feed.start();
    await inDatabase(url, async (client) => {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO nowgg_revocation (provider, kind, subject_id, issued_until, marked_at, changed_at)
         VALUES ('nowgg', 'user', 'late-among-hints', now(), now(), clock_timestamp())`,
      );
      for (let hint = 0; hint < 15; hint += 1) {
        await writer.put(ban(`hinted-${hint}`));
        await feed.readNow();
      }
      await client.query('COMMIT');
    });
    // A hint at the commit, and then polls.
    for (let reading = 0; reading < 3; reading += 1) await feed.readNow();
    for (let poll = 0; poll < 3; poll += 1) {
      await clock.wait(1_000);
      await feed.readNow();
    }
    expect(feed.find(ban('late-among-hints'))).toMatchObject({ id: 'late-among-hints' });
    await feed.close();
  }, 60_000);

  it('is everything again on a server that was started anew, whose numbers of transactions mean nothing', async () => {
    const store = openStore({ notify: false });
    await store.put(ban('before-failover'));
    const { cursor } = await readAll(store);
    const state = JSON.parse(cursor) as { server: string; seen: { since: string; xmin: string }[] };
    const idsFor = async (server: string, ahead: number) => {
      const seen = state.seen.map(({ since, xmin }) => ({ since, xmin: String(Number(xmin) + ahead) }));
      return (await readAll(store, JSON.stringify({ ...state, server, seen }))).ids;
    };
    expect(await idsFor(state.server, 0)).not.toContain('before-failover');
    expect(await idsFor(state.server, 1_000_000)).not.toContain('before-failover');
    expect(await idsFor('another start', 1_000_000)).toContain('before-failover');
  });

  it('completes the 32 bits of a transaction by the current number, also when they have begun anew', async () => {
    const [{ completed }] = (await dataSource.query(
      `SELECT array_agg((${WRITTEN_BY})::text ORDER BY place) AS completed
       FROM (VALUES (1, 5000000000::bigint, 4294967290::bigint), (2, 4294967300, 2), (3, 4294967300, 4294967295), (4, 700, 600))
         AS t(place, xmax, written_by),
         LATERAL (SELECT t.xmax) AS now, LATERAL (SELECT t.written_by) AS known`,
    )) as [{ completed: string[] }];
    expect(completed).toEqual(['4294967290', '4294967298', '4294967295', '600']);
  });
});

describe('a database that writes times with the name of a zone', () => {
  it('gives pages and news as any other', async () => {
    const options = encodeURIComponent('-c DateStyle=Postgres -c TimeZone=Asia/Shanghai');
    const source = await migratedDataSource(`${url}?options=${options}`);
    const store = typeOrmRevocationStore({ notify: false }).create({ clock }, source) as Store;
    await store.putMany(Array.from({ length: 3_000 }, (_, n) => ban(`zoned-${n}`)));
    const feed = new RevocationFeed(store, clock);
    await feed.start();
    while (!feed.isLoaded) await clock.wait(5);
    await openStore({ notify: false }).put(ban('zoned-news'));
    await untilRefused(feed, 'zoned-news');
    const known = Array.from({ length: 3_000 }, (_, n) => feed.find(ban(`zoned-${n}`)));
    expect(known.filter((mark) => mark === undefined)).toEqual([]);
    await feed.close();
    await store.onApplicationShutdown();
    await source.destroy();
  }, 60_000);
});

describe('a role without any right on the tables', () => {
  it('that floods NOTIFY has a process read at most once in 50 ms, and the ban among it is heard', async () => {
    await inDatabase(url, async (client) => {
      await client.query('CREATE ROLE stranger LOGIN');
      await client.query('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM stranger');
    });
    const store = openStore();
    const read = countReading(store);
    const feed = new RevocationFeed(store, clock);
    await feed.start();
    while (!feed.isLoaded) await clock.wait(5);
    const pagesBefore = read.pages;
    const startedAt = clock.monotonicNow();
    await inDatabase(url.replace('postgres@', 'stranger@'), async (client) => {
      await expect(client.query('SELECT * FROM nowgg_revocation')).rejects.toThrow(/permission denied/);
      for (let round = 0; round < 300; round += 1) {
        const flood = Array.from({ length: 50 }, (_, n) => `NOTIFY nowgg_revocation, '${round}-${n}'`).join(';');
        await client.query(flood);
        if (round === 150) await openStore({ notify: false }).put(ban('in-the-flood'));
      }
    });
    await untilRefused(feed, 'in-the-flood');
    const tookMs = clock.monotonicNow() - startedAt;
    await feed.close();
    expect(read.pages - pagesBefore).toBeLessThanOrEqual(tookMs / 50 + 2);
  }, 60_000);
});

describe('a database that is away', () => {
  it('makes a revocation fail as unavailable, and leaves nothing of it in the error', async () => {
    const store = openStore();
    await store.find(ban('before'));
    await cluster.goDown();
    const error: unknown = await store.put(ban('PLANTED')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ errorCode: 'store_unavailable' });
    expect(inspect(error, { depth: 10 })).not.toContain('PLANTED');
    await cluster.start();
    await store.put(ban('after'));
    expect(await store.find(ban('after'))).toBeDefined();
  });
});
