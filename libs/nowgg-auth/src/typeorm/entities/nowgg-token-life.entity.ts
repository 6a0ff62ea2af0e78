import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The longest observed life of a provider's access tokens: a revocation has to be kept for that long. */
@Entity({ name: 'nowgg_token_life' })
export class NowggTokenLifeEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'nowgg_token_life_pk' })
  provider!: string;

  @Column({ name: 'longest_ms', type: 'double precision' })
  longestMs!: number;
}
