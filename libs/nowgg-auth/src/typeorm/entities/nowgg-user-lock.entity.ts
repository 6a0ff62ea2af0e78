import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_user_lock_pk';

/** The row that orders the sign-ins of a user at a client and the ends of all their grants there. */
@Entity({ name: 'nowgg_user_lock' })
@Index('nowgg_user_lock_unended', ['provider', 'clientKey', 'userId'], { where: 'ended_at IS NULL' })
@Index('nowgg_user_lock_ended', ['endedAt', 'provider', 'clientKey', 'userId'], { where: 'ended_at IS NOT NULL' })
export class NowggUserLockEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: KEY })
  provider!: string;

  @PrimaryColumn({ name: 'client_key', type: 'text', primaryKeyConstraintName: KEY })
  clientKey!: string;

  @PrimaryColumn({ name: 'user_id', type: 'text', primaryKeyConstraintName: KEY })
  userId!: string;

  /** Time at which all grants of the user were last ended. Sign-ins that began before are ended with them. */
  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt!: Date | null;
}
