import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { GrantState } from '../../tokens/store/grant.js';

/**
 * One sign-in of a player: the row of the refresh protocol. You may read it (its tokens are encrypted), but leave
 * writing to `NowggTokenService`: an ORM's `save()` does not know the generation fence.
 */
@Entity({ name: 'nowgg_grant' })
@Index('nowgg_grant_user', ['provider', 'userId'])
@Index('nowgg_grant_session', ['provider', 'sessionId'], { where: 'session_id IS NOT NULL' })
@Index('nowgg_grant_ended', ['endedAt', 'id'], { where: 'ended_at IS NOT NULL' })
@Index('nowgg_grant_unwiped', ['unwipedAt', 'id'], { where: 'unwiped_at IS NOT NULL' })
@Index('nowgg_grant_unwiped_revoked', ['id'], { where: "unwiped_at IS NOT NULL AND state = 'revoked'" })
@Index('nowgg_grant_refresh_week', ['refreshWeek', 'id'], { where: 'refresh_week IS NOT NULL' })
@Check('nowgg_grant_state', "state IN ('active', 'suspect', 'needs_reauth', 'revoked')")
export class NowggGrantEntity {
  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: 'nowgg_grant_pk' })
  id!: string;

  @Column({ type: 'text' })
  provider!: string;

  /** Hash of the identity system's address and our client id. */
  @Column({ name: 'client_key', type: 'text' })
  clientKey!: string;

  /** Unique within {@link provider}. */
  @Column({ name: 'user_id', type: 'text' })
  userId!: string;

  @Column({ name: 'session_id', type: 'text', nullable: true })
  sessionId!: string | null;

  @Column({ type: 'text' })
  state!: GrantState;

  @Column({ type: 'integer' })
  generation!: number;

  @Column({ name: 'session_version', type: 'integer' })
  sessionVersion!: number;

  @Column({ name: 'refresh_ct', type: 'bytea' })
  refreshCiphertext!: Buffer;

  @Column({ name: 'access_ct', type: 'bytea' })
  accessCiphertext!: Buffer;

  @Column({ name: 'access_obtained_at', type: 'timestamptz' })
  accessObtainedAt!: Date;

  @Column({ name: 'access_not_after', type: 'timestamptz', nullable: true })
  accessNotAfter!: Date | null;

  @Column({ name: 'refresh_not_after', type: 'timestamptz', nullable: true })
  refreshNotAfter!: Date | null;

  @Column({ name: 'lease_owner', type: 'uuid', nullable: true })
  leaseOwner!: string | null;

  @Column({ name: 'lease_until', type: 'timestamptz', nullable: true })
  leaseUntil!: Date | null;

  @Column({ name: 'attempt_started_at', type: 'timestamptz', nullable: true })
  attemptStartedAt!: Date | null;

  @Column({ name: 'fail_count', type: 'integer' })
  failCount!: number;

  @Column({ name: 'fail_code', type: 'text', nullable: true })
  failCode!: string | null;

  /** Time of the first refusal that counts; see `RefusalRun`. */
  @Column({ name: 'fail_counted_at', type: 'timestamptz', nullable: true })
  failCountedAt!: Date | null;

  /** Fingerprint of the client secret under which the grant was refused. */
  @Column({ name: 'fail_secret', type: 'text', nullable: true })
  failSecret!: string | null;

  @Column({ name: 'fail_runs', type: 'integer', nullable: true })
  failRuns!: number | null;

  /** Time before which the grant is not refreshed again under that secret. */
  @Column({ name: 'fail_until', type: 'timestamptz', nullable: true })
  failUntil!: Date | null;

  @Column({ name: 'fail_confirmed_at', type: 'timestamptz', nullable: true })
  failConfirmedAt!: Date | null;

  @Column({ name: 'next_attempt_at', type: 'timestamptz', nullable: true })
  nextAttemptAt!: Date | null;

  /** Time at which the exchange that created it began; null for grants older than this column. */
  @Column({ name: 'begun_at', type: 'timestamptz', nullable: true })
  begunAt!: Date | null;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;

  @Column({ name: 'updated_at', type: 'timestamptz' })
  updatedAt!: Date;

  /** Id of the key that made the session handle that was presented last. */
  @Column({ name: 'handle_key_id', type: 'text', nullable: true })
  handleKeyId!: string | null;

  /** Version of the newest session handle that was handed out. No index: it changes with each refresh of a front end. */
  @Column({ name: 'handle_version', type: 'integer', default: 1 })
  handleVersion!: number;

  /** Time from which the life of its session handle counts; null for rows of the release before this column. */
  @Column({ name: 'session_begun_at', type: 'timestamptz', nullable: true, default: () => 'now()' })
  sessionBegunAt!: Date | null;

  /** Time at which its session handle was used last, to the day. */
  @Column({ name: 'session_used_at', type: 'timestamptz', nullable: true, default: () => 'now()' })
  sessionUsedAt!: Date | null;

  /** Ties the grant to the code that it was made from. */
  @Column({ name: 'origin_mac', type: 'bytea', nullable: true })
  originMac!: Buffer | null;

  /** Time of the last change of a grant that has ended. A trigger writes this column and the next two. */
  @Column({ name: 'ended_at', type: 'timestamptz', nullable: true })
  endedAt!: Date | null;

  /** The same while it still has its encrypted tokens. */
  @Column({ name: 'unwiped_at', type: 'timestamptz', nullable: true })
  unwipedAt!: Date | null;

  /** Week, since 1970, in which the refresh token expires: an index on the expiry would be written at each refresh. */
  @Column({ name: 'refresh_week', type: 'integer', nullable: true })
  refreshWeek!: number | null;

  /** The scopes that were granted with the stored access token; null when they are not known. */
  @Column({ type: 'text', array: true, nullable: true })
  scopes!: string[] | null;

  /** Name of the device that signed in, as it named itself. */
  @Column({ type: 'text', nullable: true })
  device!: string | null;

  /** Hash of the id that the device keeps, by which a new sign-in of it replaces its session. */
  @Column({ name: 'device_key', type: 'text', nullable: true })
  deviceKey!: string | null;

  /** Place of the sign-in, as the application gave it. */
  @Column({ type: 'text', nullable: true })
  place!: string | null;

  /** Thumbprint of the key that its session handle is bound to; null for a handle that is good alone. */
  @Column({ name: 'key_thumbprint', type: 'text', nullable: true })
  keyThumbprint!: string | null;

  /** Time at which it was counted among the sessions of its player; null where their number is not limited. */
  @Column({ name: 'admitted_at', type: 'timestamptz', nullable: true })
  admittedAt!: Date | null;
}
