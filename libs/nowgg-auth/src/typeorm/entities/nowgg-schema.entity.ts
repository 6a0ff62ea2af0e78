import { Column, Entity, PrimaryColumn } from 'typeorm';

/** The major versions of the tables that the migrations have reached. The highest one applies. */
@Entity({ name: 'nowgg_schema' })
export class NowggSchemaEntity {
  @PrimaryColumn({ type: 'integer', primaryKeyConstraintName: 'nowgg_schema_pk' })
  major!: number;

  @Column({ name: 'reached_at', type: 'timestamptz' })
  reachedAt!: Date;
}
