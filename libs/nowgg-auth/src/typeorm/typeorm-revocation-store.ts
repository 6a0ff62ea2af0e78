import type { NowggClock } from '../clock.js';
import { type RevocationChanges, RevocationStore } from '../revocation/revocation-store.js';
import {
  type RevocationKind,
  type RevocationSubject,
  WATERMARK_RETENTION_MS,
  type Watermark,
} from '../revocation/watermark.js';
import { listen } from './revocation-listener.js';
import { REVOCATION_CHANNEL } from './revocation-channel.js';
import type { TokenDatabase } from './token-database.js';

interface WatermarkRow {
  readonly provider: string;
  readonly kind: RevocationKind;
  readonly subject_id: string;
  readonly issued_until_ms: number | null;
  readonly refused_until_ms: number | null;
}

/** A change row; all but the cursor are null when nothing changed. */
type ChangeRow = { readonly cursor: string } & (WatermarkRow | { readonly provider: null });

const COLUMNS = (table: string) => `
  ${table}.provider, ${table}.kind, ${table}.subject_id,
  (extract(epoch FROM ${table}.issued_until) * 1000)::float8 AS issued_until_ms,
  (extract(epoch FROM ${table}.refused_until) * 1000)::float8 AS refused_until_ms`;

/** Refuses nothing any more, and nobody has written it for $1 milliseconds. $2: how long a sign-out is kept. */
const SPENT = `(refused_until IS NULL OR refused_until <= statement_timestamp())
    AND (issued_until IS NULL OR issued_until <= statement_timestamp() - $2::float8 * interval '1 millisecond')
    AND changed_at <= statement_timestamp() - $1::float8 * interval '1 millisecond'`;

const TIMESTAMP = (parameter: string) => `to_timestamp(${parameter}::float8 / 1000)`;

/**
 * Watermarks in PostgreSQL. Writers stamp rows with the database's clock; readers ask for what was stamped since their
 * last reading, with an overlap for statements that had not been committed then.
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
    const { provider, kind, id, issuedUntilMs, refusedUntilMs } = watermark;
    const row = await this.#database.row<WatermarkRow>(
      `WITH put AS (
         INSERT INTO ${this.#table} AS known (provider, kind, subject_id, issued_until, refused_until, changed_at)
         VALUES ($1, $2, $3, ${TIMESTAMP('$4')}, ${TIMESTAMP('$5')}, clock_timestamp())
         ON CONFLICT (provider, kind, subject_id) DO UPDATE SET
           issued_until = greatest(known.issued_until, excluded.issued_until),
           refused_until = coalesce(excluded.refused_until, known.refused_until),
           changed_at = clock_timestamp()
         RETURNING *
       ), told AS (SELECT pg_notify('${REVOCATION_CHANNEL}', ''))
       SELECT ${COLUMNS('put')} FROM put, told`,
      [provider, kind, id, issuedUntilMs ?? null, refusedUntilMs ?? null],
    );
    return row ? watermarkOf(row) : watermark;
  }

  override async lift({ provider, kind, id }: RevocationSubject): Promise<void> {
    await this.#database.rows(
      `WITH lifted AS (
         UPDATE ${this.#table} SET issued_until = NULL, refused_until = NULL, changed_at = clock_timestamp()
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

  override async changesSince(cursor: string | undefined): Promise<RevocationChanges> {
    const [isNew, parameter] =
      cursor === undefined
        ? [
            `known.refused_until > now.at OR known.issued_until > now.at - $1::float8 * interval '1 ms'`,
            WATERMARK_RETENTION_MS,
          ]
        : [`known.changed_at > $1::timestamptz - interval '10 seconds'`, cursor];
    const rows = await this.#database.rows<ChangeRow>(
      `SELECT now.at::text AS cursor, ${COLUMNS('known')}
       FROM (SELECT clock_timestamp() AS at) AS now LEFT JOIN ${this.#table} AS known ON ${isNew}`,
      [parameter],
    );
    const watermarks = rows.flatMap((row) => (row.provider === null ? [] : [watermarkOf(row)]));
    return { watermarks, cursor: rows[0]?.cursor ?? (cursor as string) };
  }

  override async countSpent(unchangedForMs: number): Promise<number> {
    const rows = await this.#database.upkeepRows<{ count: number }>(
      `SELECT count(*)::float8 AS count FROM ${this.#table} WHERE ${SPENT}`,
      [unchangedForMs, WATERMARK_RETENTION_MS],
    );
    return rows[0]?.count ?? 0;
  }

  override async sweepSpent(unchangedForMs: number, limit: number): Promise<number> {
    const rows = await this.#database.upkeepRows<{ count: number }>(
      `WITH spent AS (
         SELECT provider, kind, subject_id FROM ${this.#table} WHERE ${SPENT}
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

function watermarkOf(row: WatermarkRow): Watermark {
  return {
    provider: row.provider,
    kind: row.kind,
    id: row.subject_id,
    issuedUntilMs: row.issued_until_ms ?? undefined,
    refusedUntilMs: row.refused_until_ms ?? undefined,
  };
}
