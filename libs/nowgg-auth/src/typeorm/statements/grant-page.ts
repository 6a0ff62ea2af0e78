import { grantRow } from './grant-row.js';

/** Rows that one statement looks at in search of those that are wanted: as many as a slow disk reads in two seconds. */
const PAGE_ROWS = 2_000;

/**
 * Lists wanted grants in the order of their ids: an index for what is wanted would cost every sign-in or rotation a write.
 * `next` is the id after which the next statement goes on; null when all rows were looked at.
 *
 * @param wanted condition on the row `g`
 * @param after parameter of the id after which the page begins; the first page has null
 * @param limit parameter of the number of grants
 */
export function grantPage(grant: string, wanted: string, after: string, limit: string): string {
  return `
    WITH page AS MATERIALIZED (
      SELECT g.id, ${wanted} AS wanted
      FROM ${grant} g WHERE ${after}::uuid IS NULL OR g.id > ${after}::uuid ORDER BY g.id LIMIT ${PAGE_ROWS}
    ), found AS MATERIALIZED (SELECT id FROM page WHERE wanted ORDER BY id LIMIT ${limit}),
    edge AS (
      SELECT CASE WHEN (SELECT count(*) FROM found) = ${limit} THEN (SELECT id FROM found ORDER BY id DESC LIMIT 1)
        WHEN (SELECT count(*) FROM page) = ${PAGE_ROWS} THEN (SELECT id FROM page ORDER BY id DESC LIMIT 1)
        END AS next
    ), listed AS (SELECT g.* FROM found JOIN ${grant} g ON g.id = found.id)
    SELECT edge.next, ${grantRow('listed')} FROM edge LEFT JOIN listed ON true ORDER BY listed.id`;
}
