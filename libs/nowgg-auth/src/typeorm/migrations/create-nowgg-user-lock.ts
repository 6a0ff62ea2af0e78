import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/**
 * One row per user of a client. Sign-ins and operations that end all grants of the user lock it. It has the time of the
 * last such end.
 */
export class CreateNowggUserLock1767225600006 implements MigrationInterface {
  readonly name = 'CreateNowggUserLock1767225600006';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_user_lock')} (
        provider text NOT NULL,
        client_key text NOT NULL,
        user_id text NOT NULL,
        ended_at timestamptz,
        CONSTRAINT nowgg_user_lock_pk PRIMARY KEY (provider, client_key, user_id)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_user_lock')}`);
  }
}
