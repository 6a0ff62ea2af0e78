import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_feature_ban_pk';

/**
 * A ban of a user from one feature, with the columns of `nowgg_revocation`; `subject_id` is the feature, a space and the
 * user's id. A table of its own: a release that does not know feature bans must not read one as a ban of the player.
 */
@Entity({ name: 'nowgg_feature_ban' })
@Index('nowgg_feature_ban_recent', ['changedAt', 'provider', 'kind', 'subjectId'])
@Index('nowgg_feature_ban_banned', ['refusedUntil', 'provider', 'kind', 'subjectId'], {
  where: 'refused_until IS NOT NULL',
})
@Index('nowgg_feature_ban_lasting', ['notAfter', 'provider', 'kind', 'subjectId'], {
  where: `(not_after AT TIME ZONE 'UTC') > (changed_at AT TIME ZONE 'UTC') + interval '24 hours'`,
})
export class NowggFeatureBanEntity {
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

  /** Time at which `issued_until` was written; null in a row that another program wrote: then `changed_at` counts. */
  @Column({ name: 'marked_at', type: 'timestamptz', nullable: true })
  markedAt!: Date | null;

  /** Of one token: its expiry. Of a user or session: the time until which the row matters at least. */
  @Column({ name: 'not_after', type: 'timestamptz', nullable: true })
  notAfter!: Date | null;

  @Column({ name: 'changed_at', type: 'timestamptz' })
  changedAt!: Date;

  /** Code and text of the reason of a ban, its author and its begin. They count while `reason_until` is `refused_until`. */
  @Column({ name: 'reason_code', type: 'text', nullable: true })
  reasonCode!: string | null;

  @Column({ name: 'reason_text', type: 'text', nullable: true })
  reasonText!: string | null;

  @Column({ name: 'banned_by', type: 'text', nullable: true })
  bannedBy!: string | null;

  @Column({ name: 'banned_at', type: 'timestamptz', nullable: true })
  bannedAt!: Date | null;

  /** The end of the ban to which they belong: another program may change the ban and leave them. */
  @Column({ name: 'reason_until', type: 'timestamptz', nullable: true })
  reasonUntil!: Date | null;
}
