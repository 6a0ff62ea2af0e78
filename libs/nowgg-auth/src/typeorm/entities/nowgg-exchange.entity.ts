import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A claimed authorization code, by its hash. Because of this row, the same code gives the same grant. */
@Entity({ name: 'nowgg_exchange' })
@Index('nowgg_exchange_created', ['createdAt'])
@Index('nowgg_exchange_reply', ['createdAt'], { where: 'reply_ct IS NOT NULL' })
export class NowggExchangeEntity {
  @PrimaryColumn({ name: 'code_hash', type: 'text', primaryKeyConstraintName: 'nowgg_exchange_pk' })
  codeHash!: string;

  @Column({ name: 'lease_owner', type: 'uuid', nullable: true })
  leaseOwner!: string | null;

  @Column({ name: 'lease_until', type: 'timestamptz', nullable: true })
  leaseUntil!: Date | null;

  /** Hash of what the caller can show again, such as its attempt id. */
  @Column({ name: 'attempt_key', type: 'text', nullable: true })
  attemptKey!: string | null;

  /** The token endpoint's reply, encrypted; only until the grant exists. */
  @Column({ name: 'reply_ct', type: 'bytea', nullable: true })
  replyCiphertext!: Buffer | null;

  @Column({ name: 'grant_id', type: 'uuid', nullable: true })
  grantId!: string | null;

  @Column({ name: 'completed_at', type: 'timestamptz', nullable: true })
  completedAt!: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
