import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** The table of the grants. Room is left in its pages because leases are written in place. */
export class CreateNowggGrant1767225600000 implements MigrationInterface {
  readonly name = 'CreateNowggGrant1767225600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
    await queryRunner.query(`
      CREATE TABLE ${table} (
        id uuid NOT NULL,
        provider text NOT NULL,
        client_key text NOT NULL,
        user_id text NOT NULL,
        session_id text,
        state text NOT NULL,
        generation integer NOT NULL,
        session_version integer NOT NULL,
        refresh_ct bytea NOT NULL,
        access_ct bytea NOT NULL,
        access_obtained_at timestamptz NOT NULL,
        access_not_after timestamptz,
        refresh_not_after timestamptz,
        lease_owner uuid,
        lease_until timestamptz,
        attempt_started_at timestamptz,
        fail_count integer NOT NULL,
        fail_code text,
        fail_counted_at timestamptz,
        next_attempt_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        CONSTRAINT nowgg_grant_pk PRIMARY KEY (id),
        CONSTRAINT nowgg_grant_state CHECK (state IN ('active', 'suspect', 'needs_reauth', 'revoked'))
      ) WITH (fillfactor = 70)`);
    await queryRunner.query(`CREATE INDEX nowgg_grant_user ON ${table} (provider, user_id)`);
    await queryRunner.query(
      `CREATE INDEX nowgg_grant_ended ON ${table} (id) WHERE state IN ('needs_reauth', 'revoked')`,
    );
    await queryRunner.query(
      `CREATE INDEX nowgg_grant_refresh_expiry ON ${table} (refresh_not_after) WHERE refresh_not_after IS NOT NULL`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')}`);
  }
}
