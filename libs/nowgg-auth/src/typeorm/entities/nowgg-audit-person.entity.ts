import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_audit_person_pk';

/** Who a subject of the audit is. Without its row, nothing tells whom the rows of the audit are about. */
@Entity({ name: 'nowgg_audit_person' })
@Index('nowgg_audit_person_used', ['usedAt', 'provider', 'userId'])
export class NowggAuditPersonEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: KEY })
  provider!: string;

  @PrimaryColumn({ name: 'user_id', type: 'text', primaryKeyConstraintName: KEY })
  userId!: string;

  /** Random. */
  @Index('nowgg_audit_person_subject', { unique: true })
  @Column({ type: 'uuid' })
  subject!: string;

  /** Time of the last act on this user. */
  @Column({ name: 'used_at', type: 'timestamptz' })
  usedAt!: Date;
}
