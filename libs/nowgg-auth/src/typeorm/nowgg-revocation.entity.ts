import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_revocation_pk';

/** What is refused of a user, session, token or credential; with neither time, it was lifted. */
@Entity({ name: 'nowgg_revocation' })
export class NowggRevocationEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: KEY })
  provider!: string;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: KEY })
  kind!: string;

  @PrimaryColumn({ name: 'subject_id', type: 'text', primaryKeyConstraintName: KEY })
  subjectId!: string;

  @Column({ name: 'issued_until', type: 'timestamptz', nullable: true })
  issuedUntil!: Date | null;

  @Column({ name: 'refused_until', type: 'timestamptz', nullable: true })
  refusedUntil!: Date | null;

  @Index('nowgg_revocation_changed')
  @Column({ name: 'changed_at', type: 'timestamptz' })
  changedAt!: Date;
}
