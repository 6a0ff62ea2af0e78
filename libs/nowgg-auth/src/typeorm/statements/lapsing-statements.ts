import { EARLIEST_SHARE, FIRST_SHARE, LATEST_SHARE, SHORTEST_LIFE_MS } from '../../tokens/store/lapsing.js';
import type { TokenTables } from '../database/database-names.js';
import { grantPage } from './grant-page.js';

/** The statement about grants whose refresh token is about to lapse. */
export function lapsingStatements({ grant }: Pick<TokenTables, 'grant'>) {
  const ms = (expression: string) => `${expression}::float8 * interval '1 millisecond'`;
  const usedAt = `CASE WHEN $4::boolean THEN greatest(g.access_not_after, g.access_obtained_at) ELSE g.access_obtained_at END`;
  // Each of the two may be null, and counts for nothing then.
  const lapses = `least(g.refresh_not_after, ${usedAt} + ${ms('$3')})`;
  const life = `(${lapses} - g.access_obtained_at)`;
  // Where a grant has its place in the first life, see `renewalAtMs`.
  const place = `('x' || right(g.id::text, 8))::bit(32)::bigint / 4294967296::float8`;
  const share = `CASE WHEN g.generation = 1 THEN ${LATEST_SHARE} + ${FIRST_SHARE - LATEST_SHARE} * ${place} ELSE ${EARLIEST_SHARE} END`;
  return {
    // In pages by the primary key: an index on one of these times would be written at each refresh.
    // $1 provider, $2 client key, $3 idle life or null, $4 whether it counts from the expiry, $5 id, $6 limit
    list: grantPage(
      grant,
      `g.provider = $1::text AND g.client_key = $2::text AND g.state IN ('active', 'suspect')
        AND CASE WHEN isfinite(${lapses}) THEN ${lapses} > statement_timestamp()
          AND ${life} >= ${ms(String(SHORTEST_LIFE_MS))}
          AND statement_timestamp() >= ${lapses} - ${life} * (${share})::float8 ELSE false END`,
      '$5',
      '$6',
    ),
  };
}
