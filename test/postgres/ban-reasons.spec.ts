import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { Bans } from '../../libs/nowgg-auth/src/revocation/bans.js';
import type { NowggPrincipal } from '../../libs/nowgg-auth/src/principal.js';
import { FeatureBans } from '../../libs/nowgg-auth/src/revocation/feature-bans.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import type { RevocationStore } from '../../libs/nowgg-auth/src/revocation/revocation-store.js';
import { typeOrmRevocationStore } from '../../libs/nowgg-auth/src/typeorm/index.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';
import { migratedDataSource } from '../support/token-service/migrated-database.js';

type Store = RevocationStore & { onApplicationShutdown(): Promise<void> };

/** The statements of the release before, which names none of the columns of reasons. */
const BEFORE = {
  ban: `INSERT INTO nowgg_revocation AS known (provider, kind, subject_id, refused_until, changed_at)
    VALUES ('nowgg', 'user', $1, to_timestamp($2::float8 / 1000), clock_timestamp())
    ON CONFLICT (provider, kind, subject_id) DO UPDATE SET
      refused_until = coalesce(excluded.refused_until, known.refused_until), changed_at = clock_timestamp()`,
  restore: `UPDATE nowgg_revocation SET issued_until = NULL, refused_until = NULL, marked_at = NULL, not_after = NULL,
    changed_at = clock_timestamp() WHERE provider = 'nowgg' AND kind = 'user' AND subject_id = $1`,
};

describe('the reason of a ban on PostgreSQL', () => {
  const clock = new SystemClock();
  const opened: { close(): Promise<void> }[] = [];
  let cluster: PostgresCluster;
  let dataSource: DataSource;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    dataSource = await migratedDataSource(await cluster.createDatabase());
  });
  afterAll(async () => {
    for (const each of opened) await each.close();
    await dataSource.destroy();
    await cluster.stop();
  });

  /** The parts of one process. */
  async function node() {
    const store = typeOrmRevocationStore().create({ clock }, dataSource) as Store;
    const feed = new RevocationFeed(store, clock);
    const bans = new Bans({ store, feed, clock });
    await feed.start();
    opened.push({ close: async () => feed.close().then(() => store.onApplicationShutdown()) });
    return { store, feed, bans };
  }
  const token = (userId: string) => ({ provider: 'nowgg', userId });
  const ban = (id: string, refusedUntilMs: number, reasonCode: string) => ({
    ...({ provider: 'nowgg', kind: 'user', id, issuedUntilMs: undefined, refusedUntilMs } as const),
    ban: { reasonCode, text: undefined, by: 'desk', atMs: clock.now() },
  });
  const write = async ({ feed, store }: Awaited<ReturnType<typeof node>>, mark: ReturnType<typeof ban>) => {
    await feed.write([mark], () => store.putMany([mark]));
  };
  /** The reason of the ban that a process learns of, once it ends at this time. */
  async function told({ feed, bans }: Awaited<ReturnType<typeof node>>, id: string, untilMs: number) {
    for (;;) {
      const inForce = feed.findBan(token(id), 'x'.repeat(32), clock.now());
      if (inForce?.untilMs === untilMs) return (await bans.explain(inForce)).ban;
      await clock.wait(5);
    }
  }

  it('reaches another process with the ban, and the new one with a change of the ban', async () => {
    const [here, there] = [await node(), await node()];
    const until = clock.now() + 3_600_000;
    await write(here, ban('u1', until, 'cheating'));
    expect(await told(there, 'u1', until)).toEqual({ until: new Date(until), reasonCode: 'cheating' });
    await write(there, ban('u1', until + 1_000, 'insults'));
    expect(await told(here, 'u1', until + 1_000)).toMatchObject({ reasonCode: 'insults' });
  });

  it('is not told of a ban that a process of the release before has changed, lifted or set', async () => {
    const [here, there] = [await node(), await node()];
    const until = clock.now() + 3_600_000;
    await write(here, ban('u2', until, 'cheating'));
    expect(await told(there, 'u2', until)).toMatchObject({ reasonCode: 'cheating' });
    await dataSource.query(BEFORE.ban, ['u2', until + 1_000]);
    expect(await told(there, 'u2', until + 1_000)).toEqual({ until: new Date(until + 1_000) });
    await dataSource.query(BEFORE.restore, ['u2']);
    await dataSource.query(BEFORE.ban, ['u2', until + 2_000]);
    expect(await told(there, 'u2', until + 2_000)).toEqual({ until: new Date(until + 2_000) });
    await write(here, ban('u2', until + 3_000, 'insults'));
    expect(await told(there, 'u2', until + 3_000)).toMatchObject({ reasonCode: 'insults' });
  });

  it('of a ban from a feature is in a table that the release before does not read', async () => {
    const [here, there] = [await node(), await node()];
    const parts = { clock, hints: undefined, beforeFirstLoad: 'refuse', onUnknown: 'serve' } as const;
    const features = [here, there].map(
      ({ store }) => new FeatureBans({ ...parts, store: store.features, areRequired: () => true }),
    );
    const [writer, reader] = features as [FeatureBans, FeatureBans];
    for (const each of features) await each.onApplicationBootstrap();
    opened.unshift({
      close: async () => void (await Promise.all(features.map((each) => each.beforeApplicationShutdown()))),
    });
    const principal = { provider: 'nowgg', userId: 'u3' } as NowggPrincipal;
    const mark = ban('chat u3', Number.POSITIVE_INFINITY, 'insults');
    await writer.feed.write([mark], () => writer.store.putMany([mark]));
    let found: unknown = true;
    while (found === true) {
      await clock.wait(5);
      found = await (async () => reader.check(principal, ['chat']))().catch((error: unknown) => error);
    }
    expect(found).toMatchObject({ errorCode: 'feature_banned', feature: 'chat', ban: { reasonCode: 'insults' } });
    expect(await reader.check(principal, ['voice'])).toBe(true);
    expect(await dataSource.query(`SELECT 1 FROM nowgg_revocation WHERE subject_id LIKE '%u3'`)).toEqual([]);
    const late = new FeatureBans({ ...parts, store: (await node()).store.features, areRequired: () => false });
    opened.unshift({ close: () => late.beforeApplicationShutdown() });
    await expect((async () => late.check(principal, ['chat']))()).rejects.toMatchObject({
      errorCode: 'feature_banned',
    });
  });
});
