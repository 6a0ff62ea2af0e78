import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The longest life of a provider's access tokens that was seen: for how long a revocation has to be remembered. */
@Entity({ name: 'nowgg_token_life' })
export class NowggTokenLifeEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'nowgg_token_life_pk' })
  provider!: string;

  @Column({ name: 'longest_ms', type: 'double precision' })
  longestMs!: number;
}
