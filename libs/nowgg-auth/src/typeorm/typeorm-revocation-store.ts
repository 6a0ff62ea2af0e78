import type { NowggClock } from '../clock.js';
import {
  type LongestTokenLives,
  onePerSubject,
  type RevocationChanges,
  RevocationStore,
  type StoredBan,
  type SweptRevocations,
} from '../revocation/revocation-store.js';
import {
  type RevocationKind,
  type RevocationSubject,
  WATERMARK_RETENTION_MS,
  type Watermark,
} from '../revocation/marks/watermark.js';
import type { AuditAct } from '../trail/audit-act.js';
import type { AuditTrail } from '../trail/audit-trail.js';
import { expectedTables } from './database/schema-check.js';
import { NowggFeatureBanEntity } from './entities/nowgg-feature-ban.entity.js';
import { NowggRevocationEntity } from './entities/nowgg-revocation.entity.js';
import { NowggSchemaEntity } from './entities/nowgg-schema.entity.js';
import { NowggTokenLifeEntity } from './entities/nowgg-token-life.entity.js';
import { type PackedWatermarks, unpackWatermarks } from './database/packed-watermarks.js';
import { listen } from './revocation-listener.js';
import {
  afterReading,
  type Beginning,
  PHASES,
  RECENT_MS,
  type ReadingState,
  stateOf,
} from './database/revocation-pages.js';
import { revocationStatements } from './statements/revocation-statements.js';
import type { TokenDatabase } from './database/token-database.js';
import { actsJson, AUDIT_ENTITIES, TypeOrmAuditTrail } from './typeorm-audit-trail.js';
import { Walks } from './walks.js';

interface WatermarkRow {
  readonly provider: string;
  readonly kind: RevocationKind;
  readonly subject_id: string;
  readonly issued_until_ms: number | null;
  readonly refused_until_ms: number | null;
  readonly marked_at_ms: number | null;
  readonly not_after_ms: number | null;
  readonly of_elsewhere: boolean;
}

interface BanRow {
  readonly provider: string;
  readonly kind: RevocationKind;
  readonly subject_id: string;
  readonly refused_until_ms: number;
  readonly banned_at_ms: number;
  readonly reason_code: string | null;
  readonly reason_text: string | null;
  readonly banned_by: string | null;
}

/** The row of a page. */
interface PageRow extends PackedWatermarks {
  readonly at: string;
  readonly since: string;
  readonly xmin: string;
  readonly server: string;
  readonly is_whole: boolean;
  readonly edge_at: string | null;
  readonly edge_provider: string;
  readonly edge_kind: string;
  readonly edge_id: string;
}

/** Rows of a page of news, and of a load: it reads in the order of time, in which most rows lie in the table. */
const PAGE_ROWS = 2_000;
const LOAD_ROWS = 5_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const ENTITIES = [
  NowggRevocationEntity,
  NowggFeatureBanEntity,
  NowggTokenLifeEntity,
  NowggSchemaEntity,
  ...AUDIT_ENTITIES,
];

/**
 * Keeps watermarks in PostgreSQL. Writers stamp rows with the database's clock. Readers ask for rows stamped since
 * their last reading, with an overlap for statements that had not been committed then. Rows that matter at the start
 * are read in pages, by indexes, so that a long history costs next to nothing.
 */
export class TypeOrmRevocationStore extends RevocationStore {
  override readonly isShared = true;
  readonly #database: TokenDatabase;
  readonly #clock: NowggClock;
  readonly #notify: boolean;
  readonly #statements: ReturnType<typeof revocationStatements>;
  readonly #walks: Walks;

  readonly #listeners = new Set<() => void>();
  #features: RevocationStore | undefined;
  #audit: AuditTrail | undefined;
  readonly #hintsOf: TypeOrmRevocationStore | undefined;

  /** @param hintsOf for the store of feature bans: the store whose connection hears of changes */
  constructor(database: TokenDatabase, clock: NowggClock, notify: boolean, hintsOf?: TypeOrmRevocationStore) {
    super();
    this.#database = database;
    this.#clock = clock;
    this.#notify = notify;
    this.#hintsOf = hintsOf;
    const { revocation, featureBan } = database.tables;
    this.#statements = revocationStatements({ ...database.tables, revocation: hintsOf ? featureBan : revocation });
    this.#walks = new Walks(database);
  }

  /** In a table of its own, on the same connections. */
  override get features(): RevocationStore {
    this.#features ??= new TypeOrmRevocationStore(this.#database, this.#clock, false, this);
    return this.#features;
  }

  override get audit(): AuditTrail {
    this.#audit ??= new TypeOrmAuditTrail(this.#database);
    return this.#audit;
  }

  override async checkSchema(): Promise<void> {
    await this.#database.checkSchema(expectedTables(ENTITIES));
  }

  override async put(watermark: Watermark): Promise<Watermark> {
    const [put = watermark] = await this.putMany([watermark]);
    return put;
  }

  override async putMany(
    watermarks: readonly Watermark[],
    acts: readonly AuditAct[] = [],
  ): Promise<readonly Watermark[]> {
    const given = onePerSubject(watermarks);
    const columns = ['provider', 'kind', 'id', 'issuedUntilMs', 'refusedUntilMs', 'notAfterMs'] as const;
    const stated = ['text', 'by'] as const;
    const lists = [
      ...columns.map((column) => given.map((each) => each[column] ?? null)),
      given.map(({ ban, cause }) => (ban ? ban.reasonCode : cause) ?? null),
      ...stated.map((column) => given.map(({ ban }) => ban?.[column] ?? null)),
      given.map(({ isStated, markedAtMs }) => (isStated === true ? markedAtMs : undefined) ?? null),
    ];
    const rows =
      acts.length === 0
        ? await this.#database.rows<WatermarkRow>(this.#statements.put, lists)
        : await this.#database.rows<WatermarkRow>(this.#statements.putAudited, [...lists, actsJson(acts)]);
    return rows.map(watermarkOf);
  }

  override async restore({ provider, kind, id }: RevocationSubject, acts: readonly AuditAct[] = []): Promise<void> {
    await this.#database.rows(this.#statements.restore, [provider, kind, id, actsJson(acts)]);
  }

  override async find({ provider, kind, id }: RevocationSubject): Promise<Watermark | undefined> {
    const row = await this.#database.row<WatermarkRow>(this.#statements.find, [provider, kind, id]);
    return row && watermarkOf(row);
  }

  override async findMany(subjects: readonly RevocationSubject[]): Promise<readonly Watermark[]> {
    const lists = (['provider', 'kind', 'id'] as const).map((column) => subjects.map((each) => each[column]));
    return (await this.#database.rows<WatermarkRow>(this.#statements.findMany, lists)).map(watermarkOf);
  }

  override async findBans(subjects: readonly RevocationSubject[]): Promise<readonly StoredBan[]> {
    const lists = (['provider', 'kind', 'id'] as const).map((column) => subjects.map((each) => each[column]));
    const rows = await this.#database.rows<BanRow>(this.#statements.findBans, lists);
    return rows.map((row) => ({
      provider: row.provider,
      kind: row.kind,
      id: row.subject_id,
      untilMs: row.refused_until_ms,
      beganAtMs: row.banned_at_ms,
      reasonCode: row.reason_code ?? undefined,
      text: row.reason_text ?? undefined,
      by: row.banned_by ?? undefined,
    }));
  }

  override async changesSince(cursor: string | undefined, lives?: LongestTokenLives): Promise<RevocationChanges> {
    const state = stateOf(cursor);
    return state && !state.load ? this.#changes(state) : this.#load(state, lives ?? THIRTY_DAYS);
  }

  override async tokenLives(): Promise<readonly (readonly [string, number])[]> {
    type Row = { readonly provider: string; readonly longest_ms: number };
    const rows = await this.#database.rows<Row>(this.#statements.tokenLives, []);
    return rows.map(({ provider, longest_ms }) => [provider, longest_ms] as const);
  }

  override async keepTokenLife(provider: string, lifeMs: number): Promise<void> {
    await this.#database.rows(this.#statements.keepTokenLife, [provider, lifeMs]);
  }

  /** Reads the changes since the last reading, in their order. */
  async #changes(state: ReadingState): Promise<RevocationChanges> {
    const { at, wholeAt, server, seen = [], edge } = state;
    const rows = await this.#database.rows<PageRow>(this.#statements.changes, [
      ...edgeParameters(edge),
      PAGE_ROWS,
      at,
      wholeAt ?? null,
      server ?? null,
      seen.map(({ since }) => since),
      seen.map(({ xmin }) => xmin),
    ]);
    const page = pageOf(rows);
    const began = state.began ?? page.began;
    const next: ReadingState = page.edge ? { ...state, began, edge: page.edge } : afterReading(began, state);
    return { watermarks: page.watermarks, cursor: JSON.stringify(next), isPartial: page.edge !== undefined };
  }

  /**
   * Reads the rows that still matter: bans, then those with a late end, then rows written within a token's life or a
   * day.
   */
  async #load(state: ReadingState | undefined, lives: LongestTokenLives): Promise<RevocationChanges> {
    const phase = state?.load?.phase ?? 0;
    const entries = lives.entries();
    const longestMs = Math.max(RECENT_MS, lives.defaultMs, ...entries.map(([, lifeMs]) => lifeMs));
    const backByMs = { refused_until: 0, not_after: MINUTE_MS, changed_at: longestMs + HOUR_MS };
    // On the application's pool: a page may take as long as the application's statements may.
    const rows = await this.#database.upkeepRows<PageRow>(this.#statements.loads[phase] as string, [
      ...edgeParameters(state?.edge),
      LOAD_ROWS,
      backByMs[PHASES[phase] as (typeof PHASES)[number]],
      entries.map(([provider]) => provider),
      entries.map(([, lifeMs]) => lifeMs),
      lives.defaultMs,
    ]);
    const page = pageOf(rows);
    // A load covers every row that matters, whenever it was stamped.
    const began = state?.began ?? { ...page.began, since: '-infinity' };
    const { at } = began;
    const next = page.edge ? { phase, edge: page.edge } : { phase: phase + 1 };
    if (next.phase === PHASES.length) {
      return { watermarks: page.watermarks, cursor: JSON.stringify(afterReading(began, undefined)) };
    }
    const going: ReadingState = { at, began, load: { phase: next.phase }, ...(next.edge && { edge: next.edge }) };
    return { watermarks: page.watermarks, cursor: JSON.stringify(going), isPartial: true };
  }

  override async countSpent(unchangedForMs: number): Promise<number> {
    return this.#walks.count(this.#statements.countSpent, [unchangedForMs, WATERMARK_RETENTION_MS]);
  }

  override async sweepSpent(unchangedForMs: number, limit: number, after?: string): Promise<SweptRevocations> {
    const { counts, next } = await this.#walks.change({ limit, after }, [
      ['spent', this.#statements.sweepSpent, [unchangedForMs, WATERMARK_RETENTION_MS]],
    ]);
    return { revocations: counts.spent ?? 0, next };
  }

  override async watch(onHint: () => void): Promise<() => Promise<void>> {
    if (this.#hintsOf) return this.#hintsOf.#tell(onHint);
    if (!this.#notify) return async () => undefined;
    return listen(this.#database, this.#clock, () => {
      onHint();
      for (const listener of this.#listeners) listener();
    });
  }

  #tell(listener: () => void): () => Promise<void> {
    this.#listeners.add(listener);
    return async () => void this.#listeners.delete(listener);
  }

  /** Called by Nest when the application has ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.#database.close();
  }
}

const THIRTY_DAYS: LongestTokenLives = { defaultMs: WATERMARK_RETENTION_MS, entries: () => [] };

function edgeParameters(edge: ReadingState['edge']): readonly (string | null)[] {
  return edge ?? [null, '', '', ''];
}

/** The parts of a page. `edge` is set when there may be more rows after the page. */
function pageOf(rows: readonly PageRow[]): {
  readonly watermarks: Iterable<Watermark>;
  readonly began: Beginning;
  readonly edge: ReadingState['edge'];
} {
  const { at, since, xmin, server, is_whole, edge_at, edge_provider, edge_kind, edge_id } = rows[0] as PageRow;
  return {
    watermarks: unpackWatermarks<RevocationKind>(rows),
    began: { at, since, xmin, server, isWhole: is_whole },
    edge: edge_at === null ? undefined : [edge_at, edge_provider, edge_kind, edge_id],
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
    ...(row.of_elsewhere && { cause: 'signed_in_elsewhere' as const }),
  };
}
