import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_issued_token_pk';

/**
 * An access token that a grant handed out, by its fingerprint. Rows are only inserted, and deleted after their expiry.
 */
@Entity({ name: 'nowgg_issued_token' })
export class NowggIssuedTokenEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: KEY })
  digest!: string;

  @Index('nowgg_issued_token_grant')
  @PrimaryColumn({ name: 'grant_id', type: 'uuid', primaryKeyConstraintName: KEY })
  grantId!: string;

  @Column({ type: 'integer' })
  generation!: number;

  /** The scopes that were granted with it; null when they are not known. */
  @Column({ type: 'text', array: true, nullable: true })
  scopes!: string[] | null;

  /** Time at which the exchange or refresh that returned it began. */
  @Column({ name: 'begun_at', type: 'timestamptz' })
  begunAt!: Date;

  @Column({ name: 'received_at', type: 'timestamptz' })
  receivedAt!: Date;

  @Index('nowgg_issued_token_expiry')
  @Column({ name: 'not_after', type: 'timestamptz' })
  notAfter!: Date;
}
