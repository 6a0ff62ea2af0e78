import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../../database/database-names.js';

/**
 * The key that a session handle is bound to, in a column that the release before does not name, and the proofs of such
 * keys that were used. No row of a grant is written.
 */
export class AddSessionKeys1767225600210 implements MigrationInterface {
  readonly name = 'AddSessionKeys1767225600210';

  async up(queryRunner: QueryRunner): Promise<void> {
    const [grant, proof] = tablesOf(queryRunner);
    await queryRunner.query(`ALTER TABLE ${grant} ADD COLUMN key_thumbprint text`);
    await queryRunner.query(`
      CREATE TABLE ${proof} (
        name text NOT NULL,
        not_after timestamptz NOT NULL,
        CONSTRAINT nowgg_session_proof_pk PRIMARY KEY (name)
      )`);
    await queryRunner.query(`CREATE INDEX nowgg_session_proof_old ON ${proof} (not_after, name)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const [grant, proof] = tablesOf(queryRunner);
    await queryRunner.query(`DROP TABLE ${proof}`);
    await queryRunner.query(`ALTER TABLE ${grant} DROP COLUMN key_thumbprint`);
  }
}

function tablesOf({ connection }: QueryRunner): [grant: string, proof: string] {
  return [qualifiedTable(connection, 'nowgg_grant'), qualifiedTable(connection, 'nowgg_session_proof')];
}
