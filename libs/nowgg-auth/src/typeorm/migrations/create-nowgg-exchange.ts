import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** The table of the claimed codes. */
export class CreateNowggExchange1767225600001 implements MigrationInterface {
  readonly name = 'CreateNowggExchange1767225600001';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_exchange');
    await queryRunner.query(`
      CREATE TABLE ${table} (
        code_hash text NOT NULL,
        lease_owner uuid,
        lease_until timestamptz,
        reply_ct bytea,
        grant_id uuid,
        completed_at timestamptz,
        created_at timestamptz NOT NULL,
        CONSTRAINT nowgg_exchange_pk PRIMARY KEY (code_hash)
      )`);
    await queryRunner.query(`CREATE INDEX nowgg_exchange_created ON ${table} (created_at)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_exchange')}`);
  }
}
