import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** The table of the access tokens that grants handed out, and the time at which the exchange of a grant began. */
export class CreateNowggIssuedToken1767225600005 implements MigrationInterface {
  readonly name = 'CreateNowggIssuedToken1767225600005';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_issued_token');
    await queryRunner.query(`
      CREATE TABLE ${table} (
        digest text NOT NULL,
        grant_id uuid NOT NULL,
        generation integer NOT NULL,
        scopes text[],
        begun_at timestamptz NOT NULL,
        received_at timestamptz NOT NULL,
        not_after timestamptz NOT NULL,
        CONSTRAINT nowgg_issued_token_pk PRIMARY KEY (digest, grant_id)
      )`);
    await queryRunner.query(`CREATE INDEX nowgg_issued_token_grant ON ${table} (grant_id)`);
    await queryRunner.query(`CREATE INDEX nowgg_issued_token_expiry ON ${table} (not_after)`);
    const grant = qualifiedTable(queryRunner.connection, 'nowgg_grant');
    await queryRunner.query(`ALTER TABLE ${grant} ADD COLUMN begun_at timestamptz`);
    await queryRunner.query(
      `CREATE INDEX nowgg_grant_session ON ${grant} (provider, session_id) WHERE session_id IS NOT NULL`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { connection } = queryRunner;
    await queryRunner.query(`DROP INDEX ${qualifiedTable(connection, 'nowgg_grant_session')}`);
    await queryRunner.query(`ALTER TABLE ${qualifiedTable(connection, 'nowgg_grant')} DROP COLUMN begun_at`);
    await queryRunner.query(`DROP TABLE ${qualifiedTable(connection, 'nowgg_issued_token')}`);
  }
}
