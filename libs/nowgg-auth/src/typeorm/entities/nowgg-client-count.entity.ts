import { Column, Entity, PrimaryColumn } from 'typeorm';

const PK = 'nowgg_client_count_pk';

/** Results of first attempts to refresh a generation, by process and part of a minute. Kept for minutes only. */
@Entity({ name: 'nowgg_client_count' })
export class NowggClientCountEntity {
  @PrimaryColumn({ name: 'client_key', type: 'text', primaryKeyConstraintName: PK })
  clientKey!: string;

  /** Fingerprint of the secret. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: PK })
  secret!: string;

  @PrimaryColumn({ type: 'uuid', primaryKeyConstraintName: PK })
  process!: string;

  /** Begin of the part of the minute. */
  @PrimaryColumn({ name: 'counted_at', type: 'timestamptz', primaryKeyConstraintName: PK })
  countedAt!: Date;

  @Column({ name: 'first_successes', type: 'integer' })
  firstSuccesses!: number;

  @Column({ name: 'first_refusals', type: 'integer' })
  firstRefusals!: number;
}
