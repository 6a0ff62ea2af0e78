import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../../database/database-names.js';

/**
 * Version of a session's newest handle. The default is that of every handle of the builds before, which go on writing and
 * reading the table. No row is written.
 */
export class AddHandleVersion1767225600180 implements MigrationInterface {
  readonly name = 'AddHandleVersion1767225600180';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
    await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN handle_version integer NOT NULL DEFAULT 1`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
    await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN handle_version`);
  }
}
