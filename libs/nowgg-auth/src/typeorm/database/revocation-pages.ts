/** The phases of a load, in order: a page has rows of one phase, by its index. */
export const PHASES = ['refused_until', 'not_after', 'changed_at'] as const;

/** The position at which a reading continues. Stored as JSON in the cursor of the feed. */
export interface ReadingState {
  /** Time at which the last complete reading, or the load, began, by the database's clock. */
  readonly at: string;
  /** Time at which the last complete reading with the whole overlap began. */
  readonly wholeAt?: string;
  /** What the last complete reading could see. Absent: nothing is known to be seen. */
  readonly seen?: Sight;
  /** The complete readings since the last one with the whole overlap, that one included. */
  readonly readings?: Readings;
  /** The beginning of a reading that is not complete. */
  readonly began?: Beginning;
  /** Present while a load is not complete. */
  readonly load?: { readonly phase: number };
  /** The last row of the previous page, in the order of its index. */
  readonly edge?: readonly [string, string, string, string];
}

/** A time as JSON has it: where DateStyle names the zone in letters, another session may read another time. */
const ISO = (time: string) => `to_json(${time}) #>> '{}'`;

/** What a statement could see: every transaction below `xmin`, on the server that was started then. */
export interface Sight {
  readonly xmin: string;
  readonly server: string;
}

/** The `xmin` and the time of some readings, in two lists as a statement takes them. */
export interface Readings {
  readonly xmins: readonly string[];
  readonly times: readonly string[];
}

/** The beginning of a reading: what it can see, and whether it goes back by the whole overlap. */
export interface Beginning extends Sight {
  readonly at: string;
  readonly isWhole: boolean;
}

/** Longest time between the run of a statement and its commit. */
const OVERLAP = `interval '10 seconds'`;
/** How far a reading after a hint goes back: a commit that comes later than this is found by the next whole reading. */
const SHORT_OVERLAP = `interval '250 milliseconds'`;
/** Whole readings are about this far apart, as the polls of the feed are. */
const WHOLE_EVERY = `interval '900 milliseconds'`;

/** The current snapshot, and the server that gives it: its numbers mean nothing on another one. */
const SIGHT = `txid_snapshot_xmin(txid_current_snapshot()) AS xmin, txid_snapshot_xmax(txid_current_snapshot()) AS xmax,
      pg_postmaster_start_time()::text AS server`;

/**
 * The number of the transaction that wrote a row, which the row has in 32 bits: the latest with these bits that has
 * begun.
 */
export const WRITTEN_BY = `CASE WHEN (now.xmax & -4294967296) + known.written_by < now.xmax
    THEN (now.xmax & -4294967296) + known.written_by
    ELSE (now.xmax & -4294967296) + known.written_by - 4294967296 END`;

/**
 * Whether no earlier reading has returned a row. It has when its transaction had ended before the last reading, by the
 * `xmin` of that, unless the row was then already too old for the short way back: such a transaction was still running
 * in an earlier reading that was made long after the row was written. Only a whole reading goes back far enough for it.
 *
 * @param xmin parameter with the `xmin` of the last reading, or null
 * @param server parameter with the start of its server: another one may use numbers again, so all its rows are new
 * @param xmins and `times`: parameters with those of the readings since the last whole one
 */
export const NOT_RETURNED = (xmin: string, server: string, xmins: string, times: string) =>
  `(${xmin}::bigint IS NULL OR ${IS_OTHER_SERVER(server)} OR ${WRITTEN_BY} >= ${xmin}::bigint
    OR (now.is_whole AND EXISTS (
      SELECT 1 FROM unnest(${xmins}::bigint[], ${times}::timestamptz[]) AS earlier(xmin, at)
      WHERE ${WRITTEN_BY} >= earlier.xmin AND known.changed_at < earlier.at - ${SHORT_OVERLAP})))`;

/**
 * Statement for one page of an index, from its edge on, and the wanted rows of that page. The row count and the edge
 * cover all rows read, so that a page costs the same however few of them are wanted. Parameters: $1 to $4 the edge, $5
 * the page's size, and then those of `wanted` and `from`.
 */
export function pageStatement(
  table: string,
  column: (typeof PHASES)[number],
  {
    columns,
    from,
    wanted,
    isWhole,
  }: { readonly columns: string; readonly from: string; readonly wanted: string; readonly isWhole?: string },
): string {
  return `
    WITH now AS MATERIALIZED (SELECT clock_timestamp() AS at, ${SIGHT}${isWhole ? `, ${isWhole} AS is_whole` : ''}),
    page AS MATERIALIZED (
      SELECT *, xmin::text::bigint AS written_by FROM ${table}
      WHERE ${column} IS NOT NULL
        AND (${column}, provider, kind, subject_id) > (coalesce($1::timestamptz, ${from}), $2::text, $3::text, $4::text)
      ORDER BY ${column}, provider, kind, subject_id LIMIT $5::integer
    ),
    looked AS (SELECT count(*)::integer AS looked FROM page),
    edge AS (
      SELECT ${ISO(column)} AS edge_at, provider AS edge_provider, kind AS edge_kind, subject_id AS edge_id FROM page
      ORDER BY ${column} DESC, page.provider DESC, page.kind DESC, page.subject_id DESC LIMIT 1
    )
    SELECT ${ISO('now.at')} AS at, now.xmin::text AS xmin, now.server${isWhole ? ', now.is_whole' : ''},
      looked.looked, edge.*, ${columns}
    FROM now CROSS JOIN looked LEFT JOIN edge ON true LEFT JOIN page AS known ON ${wanted}`;
}

/** Whether another server answers than the one of the last reading, or the same one after a restart. */
const IS_OTHER_SERVER = (server: string) => `pg_postmaster_start_time()::text <> ${server}::text`;

/**
 * Whether an incremental reading goes back by the whole overlap.
 *
 * @param wholeAt parameter with the time of the last one that did
 * @param server parameter with the start of the server of the last reading
 */
export const IS_WHOLE = (wholeAt: string, server: string) =>
  `(coalesce(clock_timestamp() - ${wholeAt}::timestamptz >= ${WHOLE_EVERY}, true) OR ${IS_OTHER_SERVER(server)})`;

/**
 * The time from which an incremental reading begins. Rows change in the order of this time, but commit in any order:
 * the overlap covers those that were not committed at the last reading.
 */
export const SINCE = (parameter: string, wholeAt: string, server: string) =>
  `${parameter}::timestamptz - CASE WHEN ${IS_WHOLE(wholeAt, server)} THEN ${OVERLAP} ELSE ${SHORT_OVERLAP} END`;

export function stateOf(cursor: string | undefined): ReadingState | undefined {
  return cursor === undefined ? undefined : (JSON.parse(cursor) as ReadingState);
}
