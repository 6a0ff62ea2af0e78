import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/**
 * Reasons, authors and begins of bans, in columns that the release before does not name: it goes on writing and reading
 * the table. No row is written.
 */
export class AddBanReasons1767225600150 implements MigrationInterface {
  readonly name = 'AddBanReasons1767225600150';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_revocation')}
        ADD COLUMN reason_code text,
        ADD COLUMN reason_text text,
        ADD COLUMN banned_by text,
        ADD COLUMN banned_at timestamptz,
        ADD COLUMN reason_until timestamptz`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_revocation')}
        DROP COLUMN reason_code,
        DROP COLUMN reason_text,
        DROP COLUMN banned_by,
        DROP COLUMN banned_at,
        DROP COLUMN reason_until`);
  }
}
