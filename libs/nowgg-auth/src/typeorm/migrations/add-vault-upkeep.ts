import type { MigrationInterface, QueryRunner } from 'typeorm';
import { weekOf } from '../database/grant-expressions.js';
import { BY_CONTENT, countAll, countingFunction, schemaOfGrants } from '../database/vault-count-function.js';

const ENDED = "state IN ('needs_reauth', 'revoked')";

/** Columns that upkeep finds grants by: each has an expression of the columns that releases write. */
const DERIVED = (row: string) => ({
  ended_at: `CASE WHEN ${row}.${ENDED} THEN ${row}.updated_at END`,
  unwiped_at: `CASE WHEN ${row}.${ENDED} AND length(${row}.refresh_ct) > 0 THEN ${row}.updated_at END`,
  refresh_week: `CASE WHEN isfinite(${row}.refresh_not_after)
    THEN ${weekOf(`greatest(${row}.refresh_not_after, ${row}.access_obtained_at)`)} END`,
});

const BUSY = 'autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02';
const TINY = 'autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000';
/** How early autovacuum begins. The default waits for a fifth of a table: two million rows of ten million. */
const AUTOVACUUM = {
  nowgg_grant: BUSY,
  nowgg_exchange: BUSY,
  nowgg_issued_token: BUSY,
  nowgg_user_lock: BUSY,
  nowgg_revocation: BUSY,
  nowgg_client: TINY,
  nowgg_client_count: TINY,
  nowgg_vault_count: TINY,
};

/**
 * What upkeep needs to cost no more than what it changes: exact counts of the grants, and indexes on columns that a
 * refresh leaves as they are, so that it is written in place. Triggers keep both, whatever release or program writes.
 */
export class AddVaultUpkeep1767225600070 implements MigrationInterface {
  readonly name = 'AddVaultUpkeep1767225600070';

  async up(queryRunner: QueryRunner): Promise<void> {
    const { grant, counts, derive, count, forgetCounts, index } = await namesOf(queryRunner);
    const run = async (...statements: string[]) => {
      for (const statement of statements) await queryRunner.query(statement);
    };
    const derived = Object.entries(DERIVED('NEW'));
    await run(
      `ALTER TABLE ${grant} ADD COLUMN ended_at timestamptz, ADD COLUMN unwiped_at timestamptz, ADD COLUMN refresh_week integer`,
      `CREATE TABLE ${counts} (
        slot integer NOT NULL,
        state text NOT NULL,
        refresh_seal text NOT NULL,
        access_seal text NOT NULL,
        handle_key_id text NOT NULL,
        grants bigint NOT NULL,
        CONSTRAINT nowgg_vault_count_pk PRIMARY KEY (slot, state, refresh_seal, access_seal, handle_key_id)
      ) WITH (fillfactor = 50)`,
      `DROP INDEX ${index('nowgg_grant_ended')}`,
      `DROP INDEX ${index('nowgg_grant_refresh_expiry')}`,
      `CREATE FUNCTION ${derive}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          ${derived.map(([column, expression]) => `NEW.${column} := ${expression};`).join('\n          ')}
          RETURN NEW;
        END $$`,
      `UPDATE ${grant} g SET ${Object.entries(DERIVED('g'))
        .map(([column, expression]) => `${column} = ${expression}`)
        .join(', ')}`,
      // Nothing is executed for a row whose columns are right already, as after most refreshes.
      `CREATE TRIGGER nowgg_grant_derive BEFORE INSERT OR UPDATE ON ${grant} FOR EACH ROW
        WHEN (${derived.map(([column, expression]) => `NEW.${column} IS DISTINCT FROM ${expression}`).join(' OR ')})
        EXECUTE FUNCTION ${derive}()`,
      `CREATE INDEX nowgg_grant_ended ON ${grant} (ended_at, id) WHERE ended_at IS NOT NULL`,
      `CREATE INDEX nowgg_grant_unwiped ON ${grant} (unwiped_at, id) WHERE unwiped_at IS NOT NULL`,
      `CREATE INDEX nowgg_grant_unwiped_revoked ON ${grant} (id) WHERE unwiped_at IS NOT NULL AND state = 'revoked'`,
      `CREATE INDEX nowgg_grant_refresh_week ON ${grant} (refresh_week, id) WHERE refresh_week IS NOT NULL`,
      countAll(grant, counts, BY_CONTENT),
      countingFunction(count, counts, BY_CONTENT),
      ...['INSERT', 'UPDATE', 'DELETE'].map(
        (operation) => `CREATE TRIGGER nowgg_grant_count_${operation.toLowerCase()} AFTER ${operation} ON ${grant}
          REFERENCING ${operation === 'INSERT' ? '' : 'OLD TABLE AS old_rows'} ${operation === 'DELETE' ? '' : 'NEW TABLE AS new_rows'}
          FOR EACH STATEMENT EXECUTE FUNCTION ${count}()`,
      ),
      `CREATE FUNCTION ${forgetCounts}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          DELETE FROM ${counts};
          RETURN NULL;
        END $$`,
      `CREATE TRIGGER nowgg_grant_count_truncate AFTER TRUNCATE ON ${grant} FOR EACH STATEMENT EXECUTE FUNCTION ${forgetCounts}()`,
      `CREATE INDEX nowgg_exchange_reply ON ${index('nowgg_exchange')} (created_at) WHERE reply_ct IS NOT NULL`,
      ...Object.entries(AUTOVACUUM).map(([table, settings]) => `ALTER TABLE ${index(table)} SET (${settings})`),
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const { grant, counts, derive, count, forgetCounts, index } = await namesOf(queryRunner);
    for (const [table, settings] of Object.entries(AUTOVACUUM)) {
      const names = settings.split(', ').map((setting) => setting.split(' ')[0]);
      await queryRunner.query(`ALTER TABLE ${index(table)} RESET (${names.join(', ')})`);
    }
    await queryRunner.query(`DROP INDEX ${index('nowgg_exchange_reply')}`);
    for (const trigger of ['derive', 'count_insert', 'count_update', 'count_delete', 'count_truncate']) {
      await queryRunner.query(`DROP TRIGGER nowgg_grant_${trigger} ON ${grant}`);
    }
    for (const name of [derive, count, forgetCounts]) await queryRunner.query(`DROP FUNCTION ${name}()`);
    await queryRunner.query(`DROP TABLE ${counts}`);
    await queryRunner.query(
      `ALTER TABLE ${grant} DROP COLUMN ended_at, DROP COLUMN unwiped_at, DROP COLUMN refresh_week`,
    );
    await queryRunner.query(`CREATE INDEX nowgg_grant_ended ON ${grant} (id) WHERE ${ENDED}`);
    await queryRunner.query(
      `CREATE INDEX nowgg_grant_refresh_expiry ON ${grant} (refresh_not_after) WHERE refresh_not_after IS NOT NULL`,
    );
  }
}

async function namesOf(queryRunner: QueryRunner) {
  const schema = await schemaOfGrants(queryRunner);
  const index = (name: string) => `${schema}.${name}`;
  return {
    index,
    grant: index('nowgg_grant'),
    counts: index('nowgg_vault_count'),
    derive: index('nowgg_grant_derive'),
    count: index('nowgg_grant_count'),
    forgetCounts: index('nowgg_grant_forget_counts'),
  };
}
