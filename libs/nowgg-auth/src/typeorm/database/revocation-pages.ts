/** Which rows a page is of: by index, in the order in which a load reads them. */
export const PHASES = ['refused_until', 'not_after', 'changed_at'] as const;

/** Where a reading goes on. Kept as JSON in the cursor of the feed. */
export interface ReadingState {
  /** When the last complete reading, or the load, began, by the database's clock. */
  readonly at: string;
  /** When a reading of changes that has more than one page began. */
  readonly began?: string;
  /** Present while a load is not complete. */
  readonly load?: { readonly phase: number };
  /** The last row of the page before, in the order of its index. */
  readonly edge?: readonly [string, string, string, string];
}

/** Longest time that a statement may have run before it was committed. */
const OVERLAP = `interval '10 seconds'`;

/**
 * One page of an index, from its edge on, and the rows of it that are wanted. The row count and the edge are of what was
 * looked at, so that a page costs the same however little of it is wanted. Parameters: $1 to $4 the edge, $5 the page's
 * size, and what `wanted` and `from` need beyond.
 */
export function pageStatement(
  table: string,
  column: (typeof PHASES)[number],
  { columns, from, wanted }: { readonly columns: string; readonly from: string; readonly wanted: string },
): string {
  return `
    WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at),
    page AS MATERIALIZED (
      SELECT * FROM ${table}
      WHERE ${column} IS NOT NULL
        AND (${column}, provider, kind, subject_id) > (coalesce($1::timestamptz, ${from}), $2::text, $3::text, $4::text)
      ORDER BY ${column}, provider, kind, subject_id LIMIT $5::integer
    ),
    looked AS (SELECT count(*)::integer AS looked FROM page),
    edge AS (
      SELECT ${column}::text AS edge_at, provider AS edge_provider, kind AS edge_kind, subject_id AS edge_id FROM page
      ORDER BY ${column} DESC, page.provider DESC, page.kind DESC, page.subject_id DESC LIMIT 1
    )
    SELECT now.at::text AS at, looked.looked, edge.*, ${columns}
    FROM now CROSS JOIN looked LEFT JOIN edge ON true LEFT JOIN page AS known ON ${wanted}`;
}

/** Where an incremental reading begins. */
export const SINCE = (parameter: string) => `${parameter}::timestamptz - ${OVERLAP}`;

export function stateOf(cursor: string | undefined): ReadingState | undefined {
  return cursor === undefined ? undefined : (JSON.parse(cursor) as ReadingState);
}
