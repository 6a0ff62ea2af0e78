import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/**
 * Evidence about refused refresh tokens: the client secret under which a grant was refused, one row in `nowgg_client` for
 * each secret, and counts of first attempts. Has no index on a column that a refresh changes.
 */
export class AddRefusalEvidence1767225600040 implements MigrationInterface {
  readonly name = 'AddRefusalEvidence1767225600040';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { connection } = queryRunner;
    const client = qualifiedTable(connection, 'nowgg_client');
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(connection, 'nowgg_grant')}
        ADD COLUMN fail_secret text,
        ADD COLUMN fail_runs integer,
        ADD COLUMN fail_until timestamptz,
        ADD COLUMN fail_confirmed_at timestamptz`);
    await queryRunner.query(`
      ALTER TABLE ${client}
        ADD COLUMN secret text NOT NULL DEFAULT '',
        ADD COLUMN refusals integer NOT NULL DEFAULT 0,
        ADD COLUMN recovered_at timestamptz,
        ADD COLUMN attempt_at timestamptz,
        ALTER COLUMN succeeded_at DROP NOT NULL,
        DROP CONSTRAINT nowgg_client_pk,
        ADD CONSTRAINT nowgg_client_pk PRIMARY KEY (client_key, secret)`);
    await queryRunner.query(`
      CREATE TABLE ${qualifiedTable(connection, 'nowgg_client_count')} (
        client_key text NOT NULL,
        secret text NOT NULL,
        process uuid NOT NULL,
        counted_at timestamptz NOT NULL,
        first_successes integer NOT NULL,
        first_refusals integer NOT NULL,
        CONSTRAINT nowgg_client_count_pk PRIMARY KEY (client_key, secret, process, counted_at)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { connection } = queryRunner;
    const client = qualifiedTable(connection, 'nowgg_client');
    await queryRunner.query(`DROP TABLE ${qualifiedTable(connection, 'nowgg_client_count')}`);
    await queryRunner.query(`
      DELETE FROM ${client} c
      WHERE succeeded_at IS NULL
        OR EXISTS (
          SELECT 1 FROM ${client} o
          WHERE o.client_key = c.client_key AND (o.succeeded_at, o.secret) > (c.succeeded_at, c.secret)
        )`);
    await queryRunner.query(`
      ALTER TABLE ${client}
        DROP CONSTRAINT nowgg_client_pk,
        DROP COLUMN secret,
        DROP COLUMN refusals,
        DROP COLUMN recovered_at,
        DROP COLUMN attempt_at,
        ALTER COLUMN succeeded_at SET NOT NULL,
        ADD CONSTRAINT nowgg_client_pk PRIMARY KEY (client_key)`);
    await queryRunner.query(`
      ALTER TABLE ${qualifiedTable(connection, 'nowgg_grant')}
        DROP COLUMN fail_secret,
        DROP COLUMN fail_runs,
        DROP COLUMN fail_until,
        DROP COLUMN fail_confirmed_at`);
  }
}
