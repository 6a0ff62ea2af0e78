import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../../database/database-names.js';

/**
 * Device and place of a sign-in, and when it was counted among the sessions of its player, in columns that the release
 * before does not name: it goes on writing and reading the table. No row is written.
 */
export class AddSessionDevices1767225600170 implements MigrationInterface {
  readonly name = 'AddSessionDevices1767225600170';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')}
        ADD COLUMN device text,
        ADD COLUMN device_key text,
        ADD COLUMN place text,
        ADD COLUMN admitted_at timestamptz`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')}
        DROP COLUMN device,
        DROP COLUMN device_key,
        DROP COLUMN place,
        DROP COLUMN admitted_at`);
  }
}
