import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/**
 * The major version of the tables. A migration that older releases cannot live with adds a row; a release that does not
 * know that version refuses to start.
 */
export class CreateNowggSchema1767225600060 implements MigrationInterface {
  readonly name = 'CreateNowggSchema1767225600060';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_schema');
    await queryRunner.query(`
      CREATE TABLE ${table} (
        major integer NOT NULL,
        reached_at timestamptz NOT NULL,
        CONSTRAINT nowgg_schema_pk PRIMARY KEY (major)
      )`);
    await queryRunner.query(`INSERT INTO ${table} (major, reached_at) VALUES (1, clock_timestamp())`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_schema')}`);
  }
}
