import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** One row per encryption key that has encrypted: a known text under it. */
export class CreateNowggKey1767225600003 implements MigrationInterface {
  readonly name = 'CreateNowggKey1767225600003';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_key')} (
        key_id text NOT NULL,
        check_ct bytea NOT NULL,
        created_at timestamptz NOT NULL,
        CONSTRAINT nowgg_key_pk PRIMARY KEY (key_id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_key')}`);
  }
}
