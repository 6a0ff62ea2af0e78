import type { ReadSamples } from './refresher-process.js';
import { type Surroundings, withRefresher } from './surroundings.js';

export interface ReadRun {
  readonly grants: number;
  readonly reads: ReadSamples;
  /** Pages of 8 KiB that the database touches to read a grant. */
  readonly pages: number;
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

/** Measures the same reads on a small and on a large table, filled up in between. */
export async function measureReads(
  around: Surroundings,
  sizes: readonly number[],
  rounds: number,
): Promise<readonly ReadRun[]> {
  const { upstream, administration } = around;
  const runs: ReadRun[] = [];
  await upstream.call('answerAfter', 0);
  for (const grants of sizes) {
    await administration.query(FILL, [Math.max(0, grants - USED - (await rowCount(around)))]);
    await withRefresher(around, 'library', async (refresher) => {
      const ids = await refresher.call('signIn', USED);
      await administration.query('VACUUM ANALYZE nowgg_grant');
      const reads = await refresher.call('readCosts', ids, rounds);
      runs.push({ grants: await rowCount(around), reads, pages: await pagesTouched(around, ids[0] ?? '') });
    });
  }
  return runs;
}

async function rowCount({ administration }: Surroundings): Promise<number> {
  const [row] = (await administration.query('SELECT count(*)::int AS count FROM nowgg_grant')) as { count: number }[];
  return row?.count ?? 0;
}

interface Explained {
  readonly 'QUERY PLAN': [{ readonly Plan: Readonly<Record<'Shared Hit Blocks' | 'Shared Read Blocks', number>> }];
}

async function pagesTouched({ administration }: Surroundings, id: string): Promise<number> {
  const explain = 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM nowgg_grant WHERE id = $1';
  const [row] = (await administration.query(explain, [id])) as Explained[];
  if (!row) throw new Error('no plan');
  const { Plan } = row['QUERY PLAN'][0];
  return Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks'];
}
