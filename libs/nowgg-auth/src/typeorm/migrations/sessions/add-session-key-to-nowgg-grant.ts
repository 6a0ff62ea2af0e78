import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../../database/database-names.js';

/** The key that made a grant's session handle, and the code that the grant was made from. */
export class AddSessionKeyToNowggGrant1767225600020 implements MigrationInterface {
  readonly name = 'AddSessionKeyToNowggGrant1767225600020';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
    await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN handle_key_id text, ADD COLUMN origin_mac bytea`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
    await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN origin_mac, DROP COLUMN handle_key_id`);
  }
}
