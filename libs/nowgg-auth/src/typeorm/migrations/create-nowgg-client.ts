import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** One row per client: the time of its last successful token reply. */
export class CreateNowggClient1767225600002 implements MigrationInterface {
  readonly name = 'CreateNowggClient1767225600002';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_client')} (
        client_key text NOT NULL,
        succeeded_at timestamptz NOT NULL,
        CONSTRAINT nowgg_client_pk PRIMARY KEY (client_key)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_client')}`);
  }
}
