import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The time at which a client's credentials last worked: without it, refusals of single grants prove nothing. */
@Entity({ name: 'nowgg_client' })
export class NowggClientEntity {
  @PrimaryColumn({ name: 'client_key', type: 'text', primaryKeyConstraintName: 'nowgg_client_pk' })
  clientKey!: string;

  @Column({ name: 'succeeded_at', type: 'timestamptz' })
  succeededAt!: Date;
}
