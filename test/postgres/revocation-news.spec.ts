import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Client } from 'pg';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { inDatabase, type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';
import { ban, dueForAWholeReading, readAll, setBack } from './support/news.js';

const clock = new SystemClock();
let cluster: PostgresCluster;
let url: string;
let dataSource: DataSource;
let store: RevocationStore;

beforeAll(async () => {
  cluster = await startPostgresCluster();
});
beforeEach(async () => {
  url = await cluster.createDatabase();
  dataSource = await migratedDataSource(url);
  store = typeOrmRevocationStore({ notify: false, poolSize: 0 }).create({ clock }, dataSource);
});
afterEach(() => dataSource.destroy());
afterAll(() => cluster.stop());

const insertBan = (client: Client, id: string) =>
  client.query(
    `INSERT INTO nowgg_revocation (provider, kind, subject_id, issued_until, marked_at, changed_at)
     VALUES ('nowgg', 'user', $1, now(), now(), clock_timestamp())`,
    [id],
  );

describe('news of a ban', () => {
  it('come although it commits late and hints have a process read before, at and after its commit', async () => {
    const feed = new RevocationFeed(store, clock);
    await feed.start();
    await inDatabase(url, async (client) => {
      await client.query('BEGIN');
      await insertBan(client, 'late');
      for (let hint = 0; hint < 12; hint += 1) {
        await store.put(ban(`hinted-${hint}`));
        await feed.readNow();
      }
      await client.query('COMMIT');
    });
    while (!feed.find(ban('late'))) await feed.readNow();
    await feed.close();
    expect(feed.find(ban('late'))).toMatchObject({ id: 'late' });
  }, 20_000);

  it('come from a short reading only once, and from the next whole one only if no short one saw it', async () => {
    let { cursor } = await readAll(store);
    const whole = dueForAWholeReading(cursor);
    const seen: (readonly string[])[] = [];
    await inDatabase(url, async (client) => {
      await client.query('BEGIN');
      await insertBan(client, 'late');
      await client.query(`UPDATE nowgg_revocation SET changed_at = changed_at - interval '5 seconds'`);
      for (const id of ['one', 'two']) {
        await store.put(ban(id));
        const read = await readAll(store, cursor);
        seen.push(read.ids);
        ({ cursor } = read);
      }
      await client.query('COMMIT');
    });
    // The short reading sees the commit, and does not reach back to the time of the row.
    const short = await readAll(store, cursor);
    const after = await readAll(store, dueForAWholeReading(short.cursor));
    const again = await readAll(store, dueForAWholeReading(after.cursor));
    expect(JSON.parse(whole)).toHaveProperty('wholeAt');
    expect([...seen.map((ids) => ids.at(-1)), short.ids, after.ids, again.ids]).toEqual([
      'one',
      'two',
      expect.not.arrayContaining(['late']),
      ['late'],
      [],
    ]);
  });

  it.each([1, 30, 3_600])('come when the clock of the database is set back by %d s, late ones too', async (seconds) => {
    const { cursor } = await readAll(store);
    await store.put(ban('after-the-step'));
    const read = await readAll(store, setBack(cursor, seconds));
    expect(read.ids).toContain('after-the-step');
    // From here on the cursor has the new time, and readings are whole again when they are due.
    await inDatabase(url, async (client) => {
      await client.query('BEGIN');
      await insertBan(client, 'late');
      await client.query(
        `UPDATE nowgg_revocation SET changed_at = changed_at - interval '5 seconds' WHERE subject_id = 'late'`,
      );
      await readAll(store, read.cursor);
      await client.query('COMMIT');
    });
    expect((await readAll(store, dueForAWholeReading(read.cursor))).ids).toContain('late');
  });

  it('come from the server of a failover whose clock is minutes behind, written long before the first reading', async () => {
    const { cursor } = await readAll(store);
    await store.put(ban('early-on-the-new-server'));
    await dataSource.query(`UPDATE nowgg_revocation SET changed_at = changed_at - interval '5 minutes'`);
    const other = JSON.stringify({ ...JSON.parse(setBack(cursor, 300)), server: 'the one before' });
    expect((await readAll(store, other)).ids).toContain('early-on-the-new-server');
  });

  it('come in pages while others write between them, each once more at most', async () => {
    const { cursor } = await readAll(store);
    const ids = Array.from({ length: 4_500 }, (_, n) => `paged-${n}`);
    await store.putMany(ids.map(ban));
    const read = await readAll(store, cursor, async (page) => void (await store.put(ban(`between-${page}`))));
    const next = await readAll(store, read.cursor);
    const found = [...read.ids, ...next.ids];
    expect(new Set(found)).toEqual(new Set([...ids, 'between-1', 'between-2']));
    expect(found.length).toBeLessThanOrEqual(ids.length + 4);
  });
});

describe('a reading of news', () => {
  it('touches a few pages of a history of 50,000, whatever it goes back to', async () => {
    await dataSource.query(`
      INSERT INTO nowgg_revocation (provider, kind, subject_id, issued_until, marked_at, changed_at)
      SELECT 'nowgg', 'user', 'old-' || n, at, at, at
      FROM generate_series(1, 50000) AS n, LATERAL (SELECT now() - interval '2 days' - n * interval '1 second' AS at) AS t`);
    await dataSource.query('VACUUM ANALYZE nowgg_revocation');
    const { cursor } = await readAll(store);
    const touched: number[] = [];
    const send = dataSource.query.bind(dataSource);
    dataSource.query = async (statement: string, parameters?: unknown[]) => {
      const [row] = await send(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${statement}`, parameters);
      const { Plan } = row['QUERY PLAN'][0];
      touched.push(Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks']);
      return send(statement, parameters) as never;
    };
    const other = JSON.stringify({ ...JSON.parse(cursor), server: 'another start' });
    for (const from of [cursor, dueForAWholeReading(cursor), setBack(cursor, 60), other]) await readAll(store, from);
    expect(touched).toHaveLength(4);
    expect(Math.max(...touched)).toBeLessThanOrEqual(50);
  }, 60_000);
});
