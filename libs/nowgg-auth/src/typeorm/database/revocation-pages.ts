/** The phases of a load, in order: a page has rows of one phase, by its index. */
export const PHASES = ['refused_until', 'not_after', 'changed_at'] as const;

/** The position at which a reading continues. Stored as JSON in the cursor of the feed. */
export interface ReadingState {
  /** Time at which the last complete reading, or the load, began, by the database's clock. */
  readonly at: string;
  /** Time at which a reading of changes with more than one page began. */
  readonly began?: string;
  /** Present while a load is not complete. */
  readonly load?: { readonly phase: number };
  /** The last row of the previous page, in the order of its index. */
  readonly edge?: readonly [string, string, string, string];
}

/** Longest time between the run of a statement and its commit. */
const OVERLAP = `interval '10 seconds'`;

/**
 * Statement for one page of an index, from its edge on, and the wanted rows of that page. The row count and the edge
 * cover all rows read, so that a page costs the same however few of them are wanted. Parameters: $1 to $4 the edge, $5
 * the page's size, and then those of `wanted` and `from`.
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

/** The time from which an incremental reading begins. */
export const SINCE = (parameter: string) => `${parameter}::timestamptz - ${OVERLAP}`;

export function stateOf(cursor: string | undefined): ReadingState | undefined {
  return cursor === undefined ? undefined : (JSON.parse(cursor) as ReadingState);
}
