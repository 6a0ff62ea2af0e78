import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What all processes know about a client secret: without a success, refusals of single grants prove nothing. */
@Entity({ name: 'nowgg_client' })
export class NowggClientEntity {
  @PrimaryColumn({ name: 'client_key', type: 'text', primaryKeyConstraintName: 'nowgg_client_pk' })
  clientKey!: string;

  /** Fingerprint of the secret. */
  @PrimaryColumn({ type: 'text', default: '', primaryKeyConstraintName: 'nowgg_client_pk' })
  secret!: string;

  /** Time at which the newest successful request was sent. */
  @Column({ name: 'succeeded_at', type: 'timestamptz', nullable: true })
  succeededAt!: Date | null;

  /** Number of refused refresh tokens since then. */
  @Column({ type: 'integer', default: 0 })
  refusals!: number;

  /** Time of the first success after a period without one. */
  @Column({ name: 'recovered_at', type: 'timestamptz', nullable: true })
  recoveredAt!: Date | null;

  /** Time of the last designated attempt. */
  @Column({ name: 'attempt_at', type: 'timestamptz', nullable: true })
  attemptAt!: Date | null;
}
