import type { NowggClock } from '../clock.js';
import {
  type LongestTokenLives,
  onePerSubject,
  type RevocationChanges,
  RevocationStore,
} from '../revocation/revocation-store.js';
import {
  type RevocationKind,
  type RevocationSubject,
  WATERMARK_RETENTION_MS,
  type Watermark,
} from '../revocation/watermark.js';
import { listen } from './revocation-listener.js';
import { REVOCATION_CHANNEL } from './revocation-channel.js';
import { pageStatement, PHASES, type ReadingState, SINCE, stateOf } from './revocation-pages.js';
import type { TokenDatabase } from './token-database.js';

interface WatermarkRow {
  readonly provider: string;
  readonly kind: RevocationKind;
  readonly subject_id: string;
  readonly issued_until_ms: number | null;
  readonly refused_until_ms: number | null;
  readonly marked_at_ms: number | null;
  readonly not_after_ms: number | null;
}

/** A row of a page; the columns of a watermark are null when none of the page is wanted. */
type PageRow = (WatermarkRow | { readonly provider: null }) & {
  readonly at: string;
  readonly looked: number;
  readonly edge_at: string | null;
  readonly edge_provider: string;
  readonly edge_kind: string;
  readonly edge_id: string;
};

const PAGE_ROWS = 2_000;
const HOUR_MS = 3_600_000;
const MS = (expression: string) => `(extract(epoch FROM ${expression}) * 1000)::float8`;

const COLUMNS = (table: string) => `
  ${table}.provider, ${table}.kind, ${table}.subject_id,
  ${MS(`${table}.issued_until`)} AS issued_until_ms,
  ${MS(`${table}.refused_until`)} AS refused_until_ms,
  CASE WHEN ${table}.issued_until IS NOT NULL THEN ${MS(`coalesce(${table}.marked_at, ${table}.changed_at)`)} END AS marked_at_ms,
  ${MS(`${table}.not_after`)} AS not_after_ms`;

/** When the sign-out in a row matters no more, with a margin of a minute. `life`: milliseconds. */
const END_OF_MARK = (row: string, life: string) => `(CASE
    WHEN ${row}.kind IN ('token', 'credential') AND ${row}.not_after IS NOT NULL THEN ${row}.not_after
    ELSE greatest(${row}.issued_until + ${life} * interval '1 millisecond', ${row}.not_after)
  END + interval '1 minute')`;

/** Refuses nothing any more, and has not been written for $1 milliseconds. $2: how long a sign-out is kept at least. */
const SPENT = (tokenLife: string) => {
  const life = `greatest($2::float8, (SELECT longest_ms FROM ${tokenLife} AS life WHERE life.provider = known.provider))`;
  return `(known.refused_until IS NULL OR known.refused_until <= statement_timestamp())
    AND (known.issued_until IS NULL OR ${END_OF_MARK('known', life)} <= statement_timestamp())
    AND known.changed_at <= statement_timestamp() - $1::float8 * interval '1 millisecond'`;
};

const TIMESTAMP = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;

/**
 * Watermarks in PostgreSQL. Writers stamp rows with the database's clock; readers ask for what was stamped since their
 * last reading, with an overlap for statements that had not been committed then. What matters at the start is read in
 * pages, by indexes, so that a long history costs next to nothing.
 */
export class TypeOrmRevocationStore extends RevocationStore {
  override readonly isShared = true;
  readonly #database: TokenDatabase;
  readonly #clock: NowggClock;
  readonly #notify: boolean;

  constructor(database: TokenDatabase, clock: NowggClock, notify: boolean) {
    super();
    this.#database = database;
    this.#clock = clock;
    this.#notify = notify;
  }

  override async put(watermark: Watermark): Promise<Watermark> {
    const [put = watermark] = await this.putMany([watermark]);
    return put;
  }

  override async putMany(watermarks: readonly Watermark[]): Promise<readonly Watermark[]> {
    const given = onePerSubject(watermarks);
    const rows = await this.#database.rows<WatermarkRow>(
      // In the order of the key, so that two batches never wait for each other.
      `WITH given AS (
         SELECT provider, kind, subject_id, ${TIMESTAMP('issued')} AS issued_until, ${TIMESTAMP('refused')} AS refused_until,
           ${TIMESTAMP('expires')} AS not_after, clock_timestamp() AS at
         FROM unnest($1::text[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::float8[])
           AS given(provider, kind, subject_id, issued, refused, expires)
         ORDER BY provider, kind, subject_id
       ), put AS (
         INSERT INTO ${this.#table} AS known
           (provider, kind, subject_id, issued_until, refused_until, marked_at, not_after, changed_at)
         SELECT provider, kind, subject_id, issued_until, refused_until,
           CASE WHEN issued_until IS NOT NULL THEN at END, not_after, at
         FROM given
         ON CONFLICT (provider, kind, subject_id) DO UPDATE SET
           issued_until = greatest(known.issued_until, excluded.issued_until),
           refused_until = coalesce(excluded.refused_until, known.refused_until),
           marked_at = CASE WHEN excluded.issued_until IS NULL THEN known.marked_at ELSE clock_timestamp() END,
           not_after = greatest(known.not_after, excluded.not_after),
           changed_at = clock_timestamp()
         RETURNING *
       ), told AS (SELECT pg_notify('${REVOCATION_CHANNEL}', ''))
       SELECT ${COLUMNS('put')} FROM put, told`,
      [
        given.map(({ provider }) => provider),
        given.map(({ kind }) => kind),
        given.map(({ id }) => id),
        given.map(({ issuedUntilMs }) => issuedUntilMs ?? null),
        given.map(({ refusedUntilMs }) => refusedUntilMs ?? null),
        given.map(({ notAfterMs }) => notAfterMs ?? null),
      ],
    );
    return rows.map(watermarkOf);
  }

  override async lift({ provider, kind, id }: RevocationSubject): Promise<void> {
    await this.#database.rows(
      `WITH lifted AS (
         UPDATE ${this.#table} SET issued_until = NULL, refused_until = NULL, marked_at = NULL, not_after = NULL,
           changed_at = clock_timestamp()
         WHERE provider = $1 AND kind = $2 AND subject_id = $3
         RETURNING 1
       ), told AS (SELECT pg_notify('${REVOCATION_CHANNEL}', ''))
       SELECT 1 FROM lifted, told`,
      [provider, kind, id],
    );
  }

  override async find({ provider, kind, id }: RevocationSubject): Promise<Watermark | undefined> {
    const row = await this.#database.row<WatermarkRow>(
      `SELECT ${COLUMNS('known')} FROM ${this.#table} AS known WHERE provider = $1 AND kind = $2 AND subject_id = $3`,
      [provider, kind, id],
    );
    return row && watermarkOf(row);
  }

  override async changesSince(cursor: string | undefined, lives?: LongestTokenLives): Promise<RevocationChanges> {
    const state = stateOf(cursor);
    return state && !state.load ? this.#changes(state) : this.#load(state, lives ?? THIRTY_DAYS);
  }

  override async tokenLives(): Promise<readonly (readonly [string, number])[]> {
    const rows = await this.#database.rows<{ provider: string; longest_ms: number }>(
      `SELECT provider, longest_ms FROM ${this.#database.tables.tokenLife}`,
      [],
    );
    return rows.map(({ provider, longest_ms }) => [provider, longest_ms] as const);
  }

  override async keepTokenLife(provider: string, lifeMs: number): Promise<void> {
    await this.#database.rows(
      `WITH kept AS (
         INSERT INTO ${this.#database.tables.tokenLife} AS known (provider, longest_ms) VALUES ($1, $2::float8)
         ON CONFLICT (provider) DO UPDATE SET longest_ms = greatest(known.longest_ms, excluded.longest_ms)
         RETURNING 1
       )
       SELECT 1 FROM kept`,
      [provider, lifeMs],
    );
  }

  /** What changed since the last reading, in the order of the changes. */
  async #changes({ at, began, edge }: ReadingState): Promise<RevocationChanges> {
    const statement = pageStatement(this.#table, 'changed_at', {
      columns: COLUMNS('known'),
      from: SINCE('$6'),
      wanted: 'true',
    });
    const rows = await this.#database.rows<PageRow>(statement, [...edgeParameters(edge), PAGE_ROWS, at]);
    const page = pageOf(rows);
    const next: ReadingState = page.edge ? { at, began: began ?? page.at, edge: page.edge } : { at: began ?? page.at };
    return { watermarks: page.watermarks, cursor: JSON.stringify(next), isPartial: page.edge !== undefined };
  }

  /** What still matters: bans, then tokens and sessions by their expiry, then what was written within a token's life. */
  async #load(state: ReadingState | undefined, lives: LongestTokenLives): Promise<RevocationChanges> {
    const phase = state?.load?.phase ?? 0;
    const column = PHASES[phase] ?? 'changed_at';
    const entries = lives.entries();
    const longestMs = Math.max(lives.defaultMs, ...entries.map(([, lifeMs]) => lifeMs));
    const life = `coalesce((SELECT life.ms FROM unnest($7::text[], $8::float8[]) AS life(provider, ms)
      WHERE life.provider = known.provider), $9::float8)`;
    const statement = pageStatement(this.#table, column, {
      columns: COLUMNS('known'),
      from: `statement_timestamp() - $6::float8 * interval '1 millisecond'`,
      wanted: `known.refused_until > now.at OR (known.issued_until IS NOT NULL AND ${END_OF_MARK('known', life)} > now.at)`,
    });
    // On the application's pool: a page may take as long as its statements may.
    const rows = await this.#database.upkeepRows<PageRow>(statement, [
      ...edgeParameters(state?.edge),
      PAGE_ROWS,
      column === 'changed_at' ? longestMs + HOUR_MS : 0,
      entries.map(([provider]) => provider),
      entries.map(([, lifeMs]) => lifeMs),
      lives.defaultMs,
    ]);
    const page = pageOf(rows);
    const at = state?.at ?? page.at;
    const next = page.edge ? { phase, edge: page.edge } : { phase: phase + 1 };
    if (next.phase === PHASES.length) return { watermarks: page.watermarks, cursor: JSON.stringify({ at }) };
    const going: ReadingState = { at, load: { phase: next.phase }, ...(next.edge && { edge: next.edge }) };
    return { watermarks: page.watermarks, cursor: JSON.stringify(going), isPartial: true };
  }

  override async countSpent(unchangedForMs: number): Promise<number> {
    const rows = await this.#database.upkeepRows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM ${this.#table} AS known WHERE ${SPENT(this.#database.tables.tokenLife)}`,
      [unchangedForMs, WATERMARK_RETENTION_MS],
    );
    return rows[0]?.count ?? 0;
  }

  override async sweepSpent(unchangedForMs: number, limit: number): Promise<number> {
    const rows = await this.#database.upkeepRows<{ count: number }>(
      `WITH spent AS (
         SELECT provider, kind, subject_id FROM ${this.#table} AS known WHERE ${SPENT(this.#database.tables.tokenLife)}
         ORDER BY changed_at LIMIT $3 FOR UPDATE SKIP LOCKED
       ), gone AS (
         DELETE FROM ${this.#table} AS known USING spent
         WHERE known.provider = spent.provider AND known.kind = spent.kind AND known.subject_id = spent.subject_id
         RETURNING 1
       )
       SELECT count(*)::integer AS count FROM gone`,
      [unchangedForMs, WATERMARK_RETENTION_MS, limit],
    );
    return rows[0]?.count ?? 0;
  }

  override async watch(onHint: () => void): Promise<() => Promise<void>> {
    return this.#notify ? listen(this.#database, this.#clock, onHint) : async () => undefined;
  }

  /** Called by Nest when the application has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.#database.close();
  }

  get #table(): string {
    return this.#database.tables.revocation;
  }
}

const THIRTY_DAYS: LongestTokenLives = { defaultMs: WATERMARK_RETENTION_MS, entries: () => [] };

function edgeParameters(edge: ReadingState['edge']): readonly (string | null)[] {
  return edge ?? [null, '', '', ''];
}

/** The edge is there when there may be more behind it. */
function pageOf(rows: readonly PageRow[]): {
  readonly watermarks: readonly Watermark[];
  readonly at: string;
  readonly edge: ReadingState['edge'];
} {
  const [first] = rows as readonly [PageRow];
  const { at, looked, edge_at, edge_provider, edge_kind, edge_id } = first;
  return {
    watermarks: rows.flatMap((row) => (row.provider === null ? [] : [watermarkOf(row)])),
    at,
    edge: looked === PAGE_ROWS && edge_at !== null ? [edge_at, edge_provider, edge_kind, edge_id] : undefined,
  };
}

function watermarkOf(row: WatermarkRow): Watermark {
  return {
    provider: row.provider,
    kind: row.kind,
    id: row.subject_id,
    issuedUntilMs: row.issued_until_ms ?? undefined,
    refusedUntilMs: row.refused_until_ms ?? undefined,
    markedAtMs: row.marked_at_ms ?? undefined,
    notAfterMs: row.not_after_ms ?? undefined,
  };
}
