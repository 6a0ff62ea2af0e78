import { type AuditAct, type NowggAuditAction, subjectOfTarget } from '../trail/audit-act.js';
import { type AuditPage, AuditTrail, type NowggAuditRow, type PrunedRows } from '../trail/audit-trail.js';
import { expectedTables } from './database/schema-check.js';
import type { TokenDatabase } from './database/token-database.js';
import { NowggAuditEntity } from './entities/nowgg-audit.entity.js';
import { NowggAuditPersonEntity } from './entities/nowgg-audit-person.entity.js';
import { auditStatements } from './statements/audit-statements.js';
import { Walks } from './walks.js';

interface AuditRow {
  readonly id: string;
  readonly atMs: number;
  readonly action: NowggAuditAction;
  readonly untilMs: number | null;
  readonly [column: string]: unknown;
}

/** Entities of the audit, for the check of the tables. */
export const AUDIT_ENTITIES = [NowggAuditEntity, NowggAuditPersonEntity];

/** The acts as the parameter of a statement. */
export function actsJson(acts: readonly AuditAct[]): string {
  return JSON.stringify(
    acts.map(({ action, provider, target, feature, untilMs, by, reasonCode, reasonText, note, detail }) => ({
      action,
      provider,
      kind: target?.kind,
      user_id: target?.kind === 'user' ? target.id : undefined,
      subject: subjectOf(provider, target),
      feature,
      until_ms: untilMs,
      done_by: by,
      reason_code: reasonCode,
      reason_text: reasonText,
      note,
      detail,
    })),
  );
}

/** Keeps the audit in PostgreSQL. */
export class TypeOrmAuditTrail extends AuditTrail {
  readonly #database: TokenDatabase;
  readonly #statements: ReturnType<typeof auditStatements>;
  readonly #walks: Walks;

  constructor(database: TokenDatabase) {
    super();
    this.#database = database;
    this.#statements = auditStatements(database.tables);
    this.#walks = new Walks(database);
  }

  /** Writes an act that has no statement of its own. */
  async record(act: AuditAct): Promise<void> {
    await this.#database.rows(this.#statements.record, [actsJson([act])]);
  }

  override async list({ target, after, since, limit }: AuditPage): Promise<readonly NowggAuditRow[]> {
    const page = [after?.at.toISOString(), after?.id, since?.toISOString() ?? '-infinity', limit];
    const rows = await this.#database.upkeepRows<AuditRow>(...this.#listOf(target, page));
    return rows.map(rowOf);
  }

  override async checkPrunable(): Promise<void> {
    await this.#database.checkSchema(expectedTables(AUDIT_ENTITIES), 'prune');
  }

  override async countOlder(olderThanMs: number): Promise<number> {
    return this.#walks.count(this.#statements.countOlder, [olderThanMs]);
  }

  override async prune(olderThanMs: number, limit: number, after?: string): Promise<PrunedRows> {
    const { rows, persons } = this.#statements.prune;
    const { counts, next } = await this.#walks.change({ limit, after }, [
      ['rows', rows, [olderThanMs]],
      ['persons', persons, [olderThanMs]],
    ]);
    return { rows: counts.rows ?? 0, next };
  }

  #listOf(target: AuditPage['target'], page: readonly unknown[]): [string, readonly unknown[]] {
    if (!target) return [this.#statements.list, page];
    const { provider, kind, id } = target;
    if (kind === 'user') return [this.#statements.listOfUser, [...page, provider, id]];
    return [this.#statements.listOfSubject, [...page, subjectOfTarget(provider, kind, id)]];
  }
}

function subjectOf(provider: string | undefined, target: AuditAct['target']): string | undefined {
  if (!target || target.kind === 'user') return undefined;
  return subjectOfTarget(provider ?? '', target.kind, target.id);
}

/** Columns without a value are left out. */
function rowOf({ id, atMs, action, untilMs, ...others }: AuditRow): NowggAuditRow {
  const stated = Object.entries(others).filter(([, value]) => value !== null);
  return {
    id,
    at: new Date(atMs),
    action,
    ...Object.fromEntries(stated),
    ...(untilMs !== null && Number.isFinite(untilMs) && { until: new Date(untilMs) }),
  };
}
