import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { describeRevocationStore } from '../contracts/revocation-store-contract.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/postgres-cluster.js';
import { migratedDataSource } from '../support/token-endpoint-database.js';

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

describe('a database that is away', () => {
  it('makes a revocation fail as unavailable, and leaves nothing of it in the error', async () => {
    const store = openStore();
    await store.find(ban('before'));
    await cluster.goDown();
    const error: unknown = await store.put(ban('PLANTED')).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ errorCode: 'identity_unavailable' });
    expect(inspect(error, { depth: 10 })).not.toContain('PLANTED');
    await cluster.start();
    await store.put(ban('after'));
    expect(await store.find(ban('after'))).toBeDefined();
  });
});
