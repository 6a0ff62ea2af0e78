import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../../database/database-names.js';

/** What the caller of a code exchange can show again. The release before leaves it empty. No row is written. */
export class AddExchangeAttempt1767225600200 implements MigrationInterface {
  readonly name = 'AddExchangeAttempt1767225600200';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_exchange');
    await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN attempt_key text`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_exchange');
    await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN attempt_key`);
  }
}
