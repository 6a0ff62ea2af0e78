/** An index of a table in its order, and the rows of it that upkeep is for. */
export interface Walk {
  readonly table: string;
  /** The index's columns, the table's primary key last, with their types. */
  readonly keys: readonly (readonly [column: string, type: keyof typeof LOWEST])[];
  /** Condition on the index. Parameters from $3 on. */
  readonly range: string;
  /** Condition on a row `g`. Parameters from $3 on. */
  readonly wanted: string;
}

/** A walk, and the statement for one page of it. */
export interface WalkStatement {
  readonly walk: Walk;
  readonly statement: string;
}

/** One page of a walk: what was done, and where the next page begins. */
export interface WalkedPage {
  /** Wanted rows: counted, or those that were changed. */
  readonly count: number;
  /** The last row that this page is done with, as {@link startOf} has it; null at the end. */
  readonly edge: readonly string[] | null;
}

/** Rows that one statement looks at when it changes some: as many as a slow disk reads in two seconds. */
const PAGE_ROWS = 2_000;
/** Rows that one statement counts: they lie in the order of the index more often than not. */
export const COUNTED_ROWS = 10_000;

const LOWEST = {
  timestamptz: '-infinity',
  integer: '-2147483648',
  uuid: '00000000-0000-0000-0000-000000000000',
  text: '',
} as const;

/** The edge that a walk begins with. */
export function startOf({ keys }: Walk): readonly string[] {
  return keys.map(([, type]) => LOWEST[type]);
}

/** Counts the wanted rows of a page. $1 edge, $2 rows of the page */
export function countStatement(walk: Walk): string {
  const columns = columnsOf(walk);
  return `
    WITH page AS MATERIALIZED (${page(walk, '$2::integer', [])})
    SELECT count(*) FILTER (WHERE wanted)::integer AS count,
      CASE WHEN count(*) = $2
        THEN (SELECT ${edge(walk)} FROM page ORDER BY ${descending(columns)} LIMIT 1) END AS edge
    FROM page`;
}

/**
 * Changes at most $2 wanted rows of a page, and waits for no lock. It begins where the page before ended, so that it
 * does not meet again what that one deleted. Rows are found again by their place, which holds for the snapshot of the
 * statement; a row that another transaction has just changed is left to the next sweep. $1 edge, $2 limit
 * @param change a statement that changes the rows at `old.place`, and returns them
 */
export function changeStatement(walk: Walk, change: string): string {
  const columns = columnsOf(walk);
  return `
    WITH page AS MATERIALIZED (${page(walk, String(PAGE_ROWS), ['g.ctid AS place'])}),
    old AS MATERIALIZED (
      SELECT g.ctid AS place, ${columns.map((column) => `g.${column}`).join(', ')}
      FROM ${walk.table} g
      WHERE g.ctid = ANY (ARRAY(SELECT page.place FROM page WHERE page.wanted)) AND ${walk.wanted}
      ORDER BY ${columns.map((column) => `g.${column}`).join(', ')} LIMIT $2 FOR UPDATE OF g SKIP LOCKED
    ), changed AS (${change}),
    looked AS (SELECT count(*) AS looked FROM page),
    taken AS (SELECT count(*) AS taken FROM old)
    SELECT (SELECT count(*)::integer FROM changed) AS count,
      CASE WHEN taken.taken = $2 THEN (SELECT ${edge(walk)} FROM old ORDER BY ${descending(columns)} LIMIT 1)
        WHEN looked.looked = ${PAGE_ROWS} THEN (SELECT ${edge(walk)} FROM page ORDER BY ${descending(columns)} LIMIT 1)
      END AS edge
    FROM looked, taken`;
}

/** Whether `g` is a row of `old`. */
export const IN_PLACE = 'g.ctid = ANY (ARRAY(SELECT old.place FROM old))';

/** Deletes the rows of `old`. */
export function deletion(walk: Walk): string {
  return `DELETE FROM ${walk.table} g WHERE ${IN_PLACE} RETURNING 1`;
}

/** @param place the place of a row where that is needed: without it, an index alone may do */
function page(walk: Walk, rows: string, place: readonly string[]): string {
  const columns = columnsOf(walk);
  const from = walk.keys.map(([, type], index) => `($1::text[])[${index + 1}]::${type}`);
  return `
      SELECT ${[...place, ...columns.map((column) => `g.${column}`)].join(', ')}, (${walk.wanted}) AS wanted FROM ${walk.table} g
      WHERE ${walk.range} AND (${columns.map((column) => `g.${column}`).join(', ')}) > (${from.join(', ')})
      ORDER BY ${columns.map((column) => `g.${column}`).join(', ')} LIMIT ${rows}`;
}

// As JSON has it: another session may read a time as another one where DateStyle names its zone in letters.
function edge({ keys }: Walk): string {
  return `ARRAY[${keys.map(([column]) => `to_json(${column}) #>> '{}'`).join(', ')}]`;
}

function columnsOf({ keys }: Walk): string[] {
  return keys.map(([column]) => column);
}

function descending(columns: readonly string[]): string {
  return columns.map((column) => `${column} DESC`).join(', ');
}
