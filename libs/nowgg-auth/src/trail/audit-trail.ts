import type { NowggAuditAction, NowggAuditKind } from './audit-act.js';

/** One row of the audit. */
export interface NowggAuditRow {
  /** UUID. */
  readonly id: string;
  /** By the clock of the database. */
  readonly at: Date;
  readonly action: NowggAuditAction;
  /** Name of the identity provider of the target. Absent for an act without a target. */
  readonly provider?: string;
  readonly kind?: NowggAuditKind;
  /** The target as the audit knows it, a UUID: rows about the same target have the same. Absent without a target. */
  readonly subject?: string;
  /** Who the subject is. Absent for another kind of target, and for a player who was erased. */
  readonly userId?: string;
  readonly feature?: string;
  /** The end of the ban. Absent for a ban that lasts until it is lifted, and for other acts. */
  readonly until?: Date;
  readonly by?: string;
  readonly reasonCode?: string;
  readonly reasonText?: string;
  readonly note?: string;
  readonly detail?: string;
}

/** Which rows are read. */
export interface AuditPage {
  /** Only those about this target. */
  readonly target?: { readonly provider: string; readonly kind: NowggAuditKind; readonly id: string } | undefined;
  /** Only those before this row in time. */
  readonly after?: Pick<NowggAuditRow, 'at' | 'id'> | undefined;
  /** Only those not older than this time. */
  readonly since?: Date | undefined;
  readonly limit: number;
}

/** The result of one batch of a clean-up. */
export interface PrunedRows {
  readonly rows: number;
  /** Where the next batch begins; undefined when there is none. */
  readonly next?: string | undefined;
}

/** Port: what a store has written about the acts of operators. Rows are only added, and deleted by age. */
export abstract class AuditTrail {
  /** Lists rows, the newest first. */
  abstract list(page: AuditPage): Promise<readonly NowggAuditRow[]>;

  /**
   * Checks that the role of this connection may delete rows.
   * @throws NowggConfigurationError that names the right that is missing
   */
  abstract checkPrunable(): Promise<void>;

  /** Counts the rows that are older than this. */
  abstract countOlder(olderThanMs: number): Promise<number>;

  /**
   * Deletes at most `limit` rows that are older than this, and forgets players without a row.
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract prune(olderThanMs: number, limit: number, after?: string): Promise<PrunedRows>;
}
