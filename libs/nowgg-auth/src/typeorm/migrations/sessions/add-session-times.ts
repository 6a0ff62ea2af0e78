import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../../database/database-names.js';

/**
 * Begin and last use of a session handle. The default is the time of this statement for the rows that are there, which
 * are not written, and the time of the insert for later ones, those of the release before included.
 */
export class AddSessionTimes1767225600140 implements MigrationInterface {
  readonly name = 'AddSessionTimes1767225600140';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')}
        ADD COLUMN session_begun_at timestamptz DEFAULT now(),
        ADD COLUMN session_used_at timestamptz DEFAULT now()`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')}
        DROP COLUMN session_begun_at,
        DROP COLUMN session_used_at`);
  }
}
