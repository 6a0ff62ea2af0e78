import { Column, Entity, PrimaryColumn } from 'typeorm';

const KEY = 'nowgg_vault_count_pk';

/**
 * Numbers of grants, kept by triggers of `nowgg_grant` in the transaction that changes a grant. A number is the sum over
 * the slots: transactions that run at the same time use different ones, so that none waits for another.
 */
@Entity({ name: 'nowgg_vault_count' })
export class NowggVaultCountEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: KEY })
  slot!: number;

  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: KEY })
  state!: string;

  /** Version and key id of the encrypted refresh token, such as `2:k1`; empty when it was deleted. */
  @PrimaryColumn({ name: 'refresh_seal', type: 'text', primaryKeyConstraintName: KEY })
  refreshSeal!: string;

  /** The same for the access token. */
  @PrimaryColumn({ name: 'access_seal', type: 'text', primaryKeyConstraintName: KEY })
  accessSeal!: string;

  /** Empty when it is not known. */
  @PrimaryColumn({ name: 'handle_key_id', type: 'text', primaryKeyConstraintName: KEY })
  handleKeyId!: string;

  /** The client that the grants belong to. */
  @PrimaryColumn({ type: 'text', default: '', primaryKeyConstraintName: KEY })
  provider!: string;

  @PrimaryColumn({ name: 'client_key', type: 'text', default: '', primaryKeyConstraintName: KEY })
  clientKey!: string;

  @Column({ type: 'bigint' })
  grants!: string;
}
