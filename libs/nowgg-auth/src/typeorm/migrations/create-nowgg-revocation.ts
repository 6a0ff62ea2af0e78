import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** The table of the watermarks; processes read new rows by `changed_at`. */
export class CreateNowggRevocation1767225600004 implements MigrationInterface {
  readonly name = 'CreateNowggRevocation1767225600004';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_revocation');
    await queryRunner.query(`
      CREATE TABLE ${table} (
        provider text NOT NULL,
        kind text NOT NULL,
        subject_id text NOT NULL,
        issued_until timestamptz,
        refused_until timestamptz,
        changed_at timestamptz NOT NULL,
        CONSTRAINT nowgg_revocation_pk PRIMARY KEY (provider, kind, subject_id)
      )`);
    await queryRunner.query(`CREATE INDEX nowgg_revocation_changed ON ${table} (changed_at)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_revocation')}`);
  }
}
