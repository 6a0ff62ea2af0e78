import { Column, Entity, PrimaryColumn } from 'typeorm';

/** A known text encrypted under each encryption key in use. Holds no key. */
@Entity({ name: 'nowgg_key' })
export class NowggKeyEntity {
  @PrimaryColumn({ name: 'key_id', type: 'text', primaryKeyConstraintName: 'nowgg_key_pk' })
  keyId!: string;

  @Column({ name: 'check_ct', type: 'bytea' })
  checkCiphertext!: Buffer;

  @Column({ name: 'created_at', type: 'timestamptz' })
  createdAt!: Date;
}
