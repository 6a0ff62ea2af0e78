import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_audit_pk';

/**
 * An act of an operator. Rows are only inserted, and deleted by age; the application's role needs no right to change or
 * delete one.
 */
@Entity({ name: 'nowgg_audit' })
@Index('nowgg_audit_subject', ['subject', 'at', 'id'], { where: 'subject IS NOT NULL' })
export class NowggAuditEntity {
  /** To the millisecond, so that it is exact in a program too. */
  @PrimaryColumn({ type: 'timestamptz', primaryKeyConstraintName: KEY })
  at!: Date;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: KEY })
  id!: string;

  @Column({ type: 'text' })
  action!: string;

  @Column({ type: 'text', nullable: true })
  provider!: string | null;

  /** Kind of the target; null for an act without one. */
  @Column({ type: 'text', nullable: true })
  kind!: string | null;

  /** Of a user: the id in `nowgg_audit_person`. Of another target: made from a hash of it. */
  @Column({ type: 'uuid', nullable: true })
  subject!: string | null;

  @Column({ type: 'text', nullable: true })
  feature!: string | null;

  /** The end of a ban; null for one that lasts until it is lifted, and for another act. */
  @Column({ name: 'until_at', type: 'timestamptz', nullable: true })
  untilAt!: Date | null;

  @Column({ name: 'done_by', type: 'text', nullable: true })
  doneBy!: string | null;

  @Column({ name: 'reason_code', type: 'text', nullable: true })
  reasonCode!: string | null;

  @Column({ name: 'reason_text', type: 'text', nullable: true })
  reasonText!: string | null;

  @Column({ type: 'text', nullable: true })
  note!: string | null;

  @Column({ type: 'text', nullable: true })
  detail!: string | null;
}
