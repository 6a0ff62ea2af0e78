import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/**
 * Columns for the time that a revocation matters, and the longest life of each provider's tokens. Adds indexes by which
 * a process reads the rows that still matter, in pages, without the rest.
 */
export class AddNowggRevocationLife1767225600010 implements MigrationInterface {
  readonly name = 'AddNowggRevocationLife1767225600010';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { connection } = queryRunner;
    const table = qualifiedTable(connection, 'nowgg_revocation');
    await queryRunner.query(`
      CREATE TABLE ${qualifiedTable(connection, 'nowgg_token_life')} (
        provider text NOT NULL,
        longest_ms double precision NOT NULL,
        CONSTRAINT nowgg_token_life_pk PRIMARY KEY (provider)
      )`);
    await queryRunner.query(`
      ALTER TABLE ${table}
        ADD COLUMN marked_at timestamptz,
        ADD COLUMN not_after timestamptz`);
    await queryRunner.query(
      `CREATE INDEX nowgg_revocation_recent ON ${table} (changed_at, provider, kind, subject_id)`,
    );
    await queryRunner.query(
      `CREATE INDEX nowgg_revocation_banned ON ${table} (refused_until, provider, kind, subject_id)
       WHERE refused_until IS NOT NULL`,
    );
    await queryRunner.query(
      `CREATE INDEX nowgg_revocation_lasting ON ${table} (not_after, provider, kind, subject_id)
       WHERE not_after IS NOT NULL`,
    );
    await queryRunner.query(`DROP INDEX ${qualifiedTable(connection, 'nowgg_revocation_changed')}`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { connection } = queryRunner;
    const table = qualifiedTable(connection, 'nowgg_revocation');
    await queryRunner.query(`CREATE INDEX nowgg_revocation_changed ON ${table} (changed_at)`);
    for (const index of ['recent', 'banned', 'lasting']) {
      await queryRunner.query(`DROP INDEX ${qualifiedTable(connection, `nowgg_revocation_${index}`)}`);
    }
    await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN marked_at, DROP COLUMN not_after`);
    await queryRunner.query(`DROP TABLE ${qualifiedTable(connection, 'nowgg_token_life')}`);
  }
}
