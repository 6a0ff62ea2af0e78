import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A proof of a session's key that was used. Because of this row, it is good once. */
@Entity({ name: 'nowgg_session_proof' })
@Index('nowgg_session_proof_old', ['notAfter', 'name'])
export class NowggSessionProofEntity {
  /** Hash of the key's thumbprint and the id of the proof. */
  @PrimaryColumn({ type: 'text', primaryKeyConstraintName: 'nowgg_session_proof_pk' })
  name!: string;

  /** Time after which the row may be deleted: nothing accepts the proof any more. */
  @Column({ name: 'not_after', type: 'timestamptz' })
  notAfter!: Date;
}
