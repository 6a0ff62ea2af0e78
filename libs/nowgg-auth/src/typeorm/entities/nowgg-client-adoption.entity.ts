import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A client whose grants another client has adopted: session handles of the first are good for those grants. */
@Entity({ name: 'nowgg_client_adoption' })
export class NowggClientAdoptionEntity {
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'nowgg_client_adoption_pk' })
  provider!: string;

  @PrimaryColumn({ name: 'client_key', type: 'text', primaryKeyConstraintName: 'nowgg_client_adoption_pk' })
  clientKey!: string;

  /** Key of the client that has them now. */
  @Column({ name: 'adopted_by', type: 'text' })
  adoptedBy!: string;

  @Column({ name: 'adopted_at', type: 'timestamptz' })
  adoptedAt!: Date;
}
