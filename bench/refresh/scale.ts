import type { Plan } from './plans.js';
import type { Cost } from './refresher-process.js';
import { type Surroundings, withRefreshers } from './surroundings.js';

export interface ScaleRun {
  readonly grants: number;
  readonly tableBytes: number;
  readonly indexBytes: number;
  readonly reads: Readonly<Record<'token' | 'bare', Cost>>;
  readonly refreshMs: readonly number[];
  readonly plans: readonly Plan[];
}

/** Number of grants that are used, among all the others. */
const USED = 500;
/** Encrypted tokens of the usual lengths; those that only fill the table are never decrypted. */
const FILL = `
  INSERT INTO nowgg_grant (id, provider, client_key, user_id, session_id, state, generation, session_version,
    refresh_ct, access_ct, access_obtained_at, access_not_after, fail_count, created_at, updated_at)
  SELECT gen_random_uuid(), 'upstream', repeat('k', 43), 'player-' || n, gen_random_uuid()::text, 'active', 1, 1,
    decode(repeat(md5(n::text), 10), 'hex'), decode(repeat(md5((-n)::text), 38), 'hex'),
    now(), now() + interval '1 hour', 0, now(), now()
  FROM generate_series(1, $1::int) n`;

/** Measures the same work on a small and on a large table, filled up in between. */
export async function measureScale(
  around: Surroundings,
  sizes: readonly number[],
  rounds: number,
): Promise<readonly ScaleRun[]> {
  const { upstream, administration } = around;
  const runs: ScaleRun[] = [];
  await upstream.call('behave', { mode: 'static', latencyMs: 0 });
  for (const grants of sizes) {
    await administration.query(FILL, [Math.max(0, grants - USED - (await rowCount(around)))]);
    await withRefreshers(around, 1, { variant: 'library', poolSize: 10 }, async ([refresher]) => {
      const ids = await refresher.call('signIn', USED);
      await administration.query('VACUUM ANALYZE nowgg_grant');
      await refresher.call('refreshTimes', ids);
      const reads = await refresher.call('readCosts', ids, rounds);
      const refreshMs = await refresher.call('refreshTimes', ids);
      const plans = await refresher.call('plans');
      runs.push({ grants: await rowCount(around), ...(await bytes(around)), reads, refreshMs, plans });
    });
  }
  return runs;
}

async function rowCount({ administration }: Surroundings): Promise<number> {
  const [row] = (await administration.query('SELECT count(*)::int AS count FROM nowgg_grant')) as { count: number }[];
  return row?.count ?? 0;
}

async function bytes({ administration }: Surroundings): Promise<{ tableBytes: number; indexBytes: number }> {
  const sizes = `SELECT pg_relation_size('nowgg_grant')::float8 AS "tableBytes",
    pg_relation_size('nowgg_grant_pk')::float8 AS "indexBytes"`;
  const [row] = (await administration.query(sizes)) as { tableBytes: number; indexBytes: number }[];
  return row ?? { tableBytes: 0, indexBytes: 0 };
}
