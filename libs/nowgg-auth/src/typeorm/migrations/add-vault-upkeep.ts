import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';
import { sealOf, weekOf } from '../database/grant-expressions.js';

const ENDED = "state IN ('needs_reauth', 'revoked')";

/** Columns that upkeep finds grants by: each has an expression of the columns that releases write. */
const DERIVED = (row: string) => ({
  ended_at: `CASE WHEN ${row}.${ENDED} THEN ${row}.updated_at END`,
  unwiped_at: `CASE WHEN ${row}.${ENDED} AND length(${row}.refresh_ct) > 0 THEN ${row}.updated_at END`,
  refresh_week: `CASE WHEN isfinite(${row}.refresh_not_after)
    THEN ${weekOf(`greatest(${row}.refresh_not_after, ${row}.access_obtained_at)`)} END`,
});

const COUNTED = ['state', sealOf('refresh_ct'), sealOf('access_ct'), "coalesce(handle_key_id, '')"].join(', ');
const COUNT_COLUMNS = 'slot, state, refresh_seal, access_seal, handle_key_id, grants';
const SLOTS = 64;

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
      `INSERT INTO ${counts} (${COUNT_COLUMNS}) SELECT 0, ${COUNTED}, count(*) FROM ${grant} GROUP BY 2, 3, 4, 5`,
      countingFunction(count, counts),
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

/** Names with their schema: a trigger must find its tables with any search path of the program that writes. */
async function namesOf(queryRunner: QueryRunner) {
  const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
  const [{ schema }] = (await queryRunner.query(
    `SELECT quote_ident(n.nspname) AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass('${table.replaceAll("'", "''")}')`,
  )) as [{ schema: string }];
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

/**
 * Adds what a statement has changed to a slot that no other open transaction uses: the first free one, from a place that
 * differs by connection, or one of the connection's own.
 */
function countingFunction(name: string, counts: string): string {
  const side = (rows: string, sign: string) => `SELECT ${COUNTED}, ${sign} FROM ${rows}`;
  const changes = (sides: string) =>
    `SELECT c.state, c.refresh_seal, c.access_seal, c.handle_key_id, sum(c.change) AS change
      FROM (${sides}) AS c (state, refresh_seal, access_seal, handle_key_id, change)
      GROUP BY 1, 2, 3, 4 HAVING sum(c.change) <> 0 ORDER BY 1, 2, 3, 4`;
  const add = (sides: string) => `
        INSERT INTO ${counts} AS known (${COUNT_COLUMNS})
        SELECT slot_used, changed.* FROM (${changes(sides)}) AS changed
        ON CONFLICT ON CONSTRAINT nowgg_vault_count_pk DO UPDATE SET grants = known.grants + excluded.grants`;
  const both = `${side('old_rows', '-1')} UNION ALL ${side('new_rows', '1')}`;
  return `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        slot_class integer := (TG_RELID::bigint % 2147483647)::integer;
        slot_used integer := ${SLOTS} + pg_backend_pid();
      BEGIN
        IF TG_OP = 'UPDATE' THEN
          PERFORM 1 FROM (${changes(both)}) AS changed;
          IF NOT FOUND THEN RETURN NULL; END IF;
        END IF;
        FOR attempt IN 0..${SLOTS - 1} LOOP
          IF pg_try_advisory_xact_lock(slot_class, (pg_backend_pid() + attempt) % ${SLOTS}) THEN
            slot_used := (pg_backend_pid() + attempt) % ${SLOTS};
            EXIT;
          END IF;
        END LOOP;
        IF TG_OP = 'INSERT' THEN ${add(side('new_rows', '1'))};
        ELSIF TG_OP = 'DELETE' THEN ${add(side('old_rows', '-1'))};
        ELSE ${add(both)};
        END IF;
        RETURN NULL;
      END $$`;
}
