import { packedColumns } from './packed-watermarks.js';

/** How far back a load reads at least, by the time of writing. */
export const RECENT_MS = 24 * 3_600_000;
const RECENT = `interval '${RECENT_MS / 3_600_000} hours'`;

/**
 * Condition on rows that state an end so late after they were written that a load may find them only by it. The time
 * zone of a session must not decide what an index has.
 */
export const LASTS_LONGER = `(not_after AT TIME ZONE 'UTC') > (changed_at AT TIME ZONE 'UTC') + ${RECENT}`;

/** {@link LASTS_LONGER} of a row `known` that was read without its index: a sum in hours is the same in all time zones. */
export const KNOWN_LASTS_LONGER = `known.not_after > known.changed_at + ${RECENT}`;

/** The phases of a load, in order: a page has rows of one phase, by its index. */
export const PHASES = ['refused_until', 'not_after', 'changed_at'] as const;
type Phase = (typeof PHASES)[number];

/** The position at which a reading continues. Stored as JSON in the cursor of the feed. */
export interface ReadingState {
  /** Time at which the last complete reading, or the load, began, by the database's clock. */
  readonly at: string;
  /** Time at which the last complete reading with the whole overlap began. */
  readonly wholeAt?: string;
  /** The server of the last complete reading. Absent: nothing is known to be seen. */
  readonly server?: string;
  /** What the complete readings since the last whole one, and that one itself, have seen. */
  readonly seen?: readonly Sight[];
  /** The beginning of a reading that is not complete. */
  readonly began?: Beginning;
  /** Present while a load is not complete. */
  readonly load?: { readonly phase: number };
  /** The last row of the previous page, in the order of its index. */
  readonly edge?: readonly [string, string, string, string];
}

/** A time as JSON has it: where DateStyle names the zone in letters, another session may read another time. */
const ISO = (time: string) => `to_json(${time}) #>> '{}'`;

/** What a reading has seen: rows stamped from `since` on, by transactions below `xmin`, which had all ended. */
export interface Sight {
  readonly since: string;
  readonly xmin: string;
}

/** The beginning of a reading: what it sees, on which server, and whether it goes back by the whole overlap. */
export interface Beginning extends Sight {
  readonly at: string;
  readonly server: string;
  readonly isWhole: boolean;
}

/** Longest time between the run of a statement and its commit. */
const OVERLAP = `interval '10 seconds'`;
/** How far a reading after a hint goes back: a commit that comes later than this is found by the next whole reading. */
const SHORT_OVERLAP = `interval '250 milliseconds'`;
/** Whole readings are about this far apart, as the polls of the feed are. */
const WHOLE_EVERY = `interval '900 milliseconds'`;
/** How far a reading goes back on another server, or when the clock of the database was set back. */
const OTHER_CLOCK_OVERLAP = `interval '1 hour'`;

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
 * Whether no earlier reading has seen a row: each saw the rows within its own reach alone. A server that was restarted,
 * or another one after a failover, may use numbers again, so its rows are all new.
 *
 * @param server parameter with the server of the earlier readings
 * @param sights two parameters: for each reading its `since` and its `xmin`
 */
export const NOT_SEEN = (server: string, [since, xmin]: readonly [string, string]) =>
  `(now.server IS DISTINCT FROM ${server}::text OR NOT EXISTS (
      SELECT FROM unnest(${since}::timestamptz[], ${xmin}::bigint[]) AS reading(since, xmin)
      WHERE known.changed_at >= reading.since AND ${WRITTEN_BY} < reading.xmin))`;

/**
 * Statement for one page of an index, from its edge on: a row for each provider and kind, with its wanted watermarks on
 * that page, or one row without any. The edge covers all rows read, so that a page costs the same however few of them
 * are wanted. Parameters: $1 to $4 the edge, $5 the page's size, and then those of `wanted` and `reach`.
 */
export function pageStatement(table: string, column: Phase, { reach, wanted, comparesWriters }: PageParts): string {
  const order = [column, 'provider', 'kind', 'subject_id'];
  return `
    WITH server AS MATERIALIZED (SELECT clock_timestamp() AS at, ${SIGHT}),
    now AS MATERIALIZED (SELECT server.*, ${reach.since} AS since, ${reach.isWhole} AS is_whole FROM server),
    page AS MATERIALIZED (
      SELECT known.*, (${wanted}) AS is_wanted
      FROM (
        SELECT ${COLUMNS}${comparesWriters ? ', xmin::text::bigint AS written_by' : ''} FROM ${table}
        WHERE ${INDEXED[column]}
          AND (${order.join(', ')}) > (coalesce($1::timestamptz, (SELECT since FROM now)), $2::text, $3::text, $4::text)
        ORDER BY ${order.join(', ')} LIMIT $5::integer
      ) AS known CROSS JOIN now
    ),
    edge AS (
      SELECT ${ISO(`known.${column}`)} AS edge_at, provider AS edge_provider, kind AS edge_kind, subject_id AS edge_id
      FROM page AS known WHERE (SELECT count(*) FROM page) = $5::integer
      ORDER BY ${order.map((name) => `known.${name} DESC`).join(', ')} LIMIT 1
    ),
    wanted AS (SELECT ${packedColumns('known')} FROM page AS known WHERE is_wanted GROUP BY provider, kind)
    SELECT ${ISO('now.at')} AS at, ${ISO('now.since')} AS since, now.xmin::text AS xmin, now.server, now.is_whole,
      edge.*, wanted.*
    FROM now LEFT JOIN edge ON true LEFT JOIN wanted ON true`;
}

/** The condition of the index of each column. */
const INDEXED: Readonly<Record<Phase, string>> = {
  refused_until: 'refused_until IS NOT NULL',
  not_after: LASTS_LONGER,
  changed_at: 'changed_at IS NOT NULL',
};

const COLUMNS =
  'provider, kind, subject_id, issued_until, refused_until, marked_at, not_after, changed_at, reason_code';

interface PageParts {
  readonly reach: Reach;
  /** Condition on a row `known` of the page, which may use the row `now`. */
  readonly wanted: string;
  /** Whether `wanted` compares the transaction that wrote a row. */
  readonly comparesWriters: boolean;
}

/**
 * Where a reading begins. Volatile functions belong here and not into the condition of the page: the planner takes no
 * index for a condition with one, and reads the whole history.
 */
interface Reach {
  /** Time from which the reading looks at rows. */
  readonly since: string;
  /** Whether the reading covers whatever may have been committed late. */
  readonly isWhole: string;
}

/** Begins this long ago, for a load. @param ms parameter with milliseconds */
export function backBy(ms: string): Reach {
  return { since: `statement_timestamp() - ${ms}::float8 * interval '1 millisecond'`, isWhole: 'true' };
}

/**
 * Begins where the last reading began, with an overlap: rows are stamped in the order of time, but commit in any order.
 *
 * @param at parameter with the time of the last reading
 * @param wholeAt parameter with the time of the last whole one
 * @param server parameter with the server of both
 */
export function sinceReading(at: string, wholeAt: string, server: string): Reach {
  const [last, whole] = [`${at}::timestamptz`, `coalesce(${wholeAt}, ${at})::timestamptz`];
  const isOther = `(server.server IS DISTINCT FROM ${server}::text OR server.at < ${last})`;
  const isDue = `(${wholeAt}::timestamptz IS NULL OR server.at - ${whole} >= ${WHOLE_EVERY})`;
  return {
    since: `CASE WHEN ${isOther} THEN least(${whole}, server.at) - ${OTHER_CLOCK_OVERLAP}
      WHEN ${isDue} THEN ${whole} - ${OVERLAP} ELSE ${last} - ${SHORT_OVERLAP} END`,
    isWhole: `(${isOther} OR ${isDue})`,
  };
}

export function stateOf(cursor: string | undefined): ReadingState | undefined {
  return cursor === undefined ? undefined : (JSON.parse(cursor) as ReadingState);
}

/** The position after a complete reading. */
export function afterReading(began: Beginning, before: ReadingState | undefined): ReadingState {
  const { at, since, xmin, server, isWhole } = began;
  if (isWhole) return { at, wholeAt: at, server, seen: [{ since, xmin }] };
  const seen = [...(before?.seen ?? []), { since, xmin }];
  return { at, server, seen, ...(before?.wholeAt !== undefined && { wholeAt: before.wholeAt }) };
}
