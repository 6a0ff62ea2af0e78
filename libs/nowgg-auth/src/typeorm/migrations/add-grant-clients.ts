import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';
import { sealOf } from '../database/grant-expressions.js';

/** Columns of the counts, each with its expression of the grant's columns. */
const BY_CONTENT = {
  state: 'state',
  refresh_seal: sealOf('refresh_ct'),
  access_seal: sealOf('access_ct'),
  handle_key_id: "coalesce(handle_key_id, '')",
};
const BY_CLIENT = { ...BY_CONTENT, provider: 'provider', client_key: 'client_key' };
const SLOTS = 64;

/**
 * Grants by the client that they belong to: exact counts, and the clients whose grants another one has adopted. Without
 * counts, a process could not know which clients have grants, and the answer would cost a look at every grant.
 */
export class AddGrantClients1767225600110 implements MigrationInterface {
  readonly name = 'AddGrantClients1767225600110';

  async up(queryRunner: QueryRunner): Promise<void> {
    const names = await namesOf(queryRunner);
    await recount(queryRunner, names, BY_CLIENT, [
      "ADD COLUMN provider text NOT NULL DEFAULT ''",
      "ADD COLUMN client_key text NOT NULL DEFAULT ''",
    ]);
    await queryRunner.query(`
      CREATE TABLE ${names.adoption} (
        provider text NOT NULL,
        client_key text NOT NULL,
        adopted_by text NOT NULL,
        adopted_at timestamptz NOT NULL,
        CONSTRAINT nowgg_client_adoption_pk PRIMARY KEY (provider, client_key)
      )`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const names = await namesOf(queryRunner);
    await recount(queryRunner, names, BY_CONTENT, ['DROP COLUMN provider', 'DROP COLUMN client_key']);
    await queryRunner.query(`DROP TABLE ${names.adoption}`);
  }
}

interface Names {
  readonly grant: string;
  readonly counts: string;
  readonly count: string;
  readonly adoption: string;
}

/** Names with their schema: a trigger must find its tables with any search path of the program that writes. */
async function namesOf(queryRunner: QueryRunner): Promise<Names> {
  const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
  const [{ schema }] = (await queryRunner.query(
    `SELECT quote_ident(n.nspname) AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass('${table.replaceAll("'", "''")}')`,
  )) as [{ schema: string }];
  return {
    grant: `${schema}.nowgg_grant`,
    counts: `${schema}.nowgg_vault_count`,
    count: `${schema}.nowgg_grant_count`,
    adoption: `${schema}.nowgg_client_adoption`,
  };
}

/** Counts all grants anew by these columns, and makes the triggers keep the counts by them. */
async function recount(
  queryRunner: QueryRunner,
  { grant, counts, count }: Names,
  by: Readonly<Record<string, string>>,
  changes: readonly string[],
): Promise<void> {
  const columns = Object.keys(by);
  const run = async (statement: string) => void (await queryRunner.query(statement));
  await run(`LOCK TABLE ${grant} IN SHARE ROW EXCLUSIVE MODE`);
  await run(`DELETE FROM ${counts}`);
  await run(`ALTER TABLE ${counts} DROP CONSTRAINT nowgg_vault_count_pk, ${changes.join(', ')}`);
  await run(`ALTER TABLE ${counts} ADD CONSTRAINT nowgg_vault_count_pk PRIMARY KEY (slot, ${columns.join(', ')})`);
  await run(`
    INSERT INTO ${counts} (slot, ${columns.join(', ')}, grants)
    SELECT 0, ${Object.values(by).join(', ')}, count(*) FROM ${grant}
    GROUP BY ${columns.map((_, index) => index + 2).join(', ')}`);
  await run(countingFunction(count, counts, by));
}

/**
 * Adds what a statement has changed to a slot that no other open transaction uses: the first free one, from a place that
 * differs by connection, or one of the connection's own.
 */
function countingFunction(name: string, counts: string, by: Readonly<Record<string, string>>): string {
  const columns = Object.keys(by);
  const list = columns.join(', ');
  const places = columns.map((_, index) => index + 1).join(', ');
  const side = (rows: string, sign: string) => `SELECT ${Object.values(by).join(', ')}, ${sign} FROM ${rows}`;
  const changes = (sides: string) =>
    `SELECT ${columns.map((column) => `c.${column}`).join(', ')}, sum(c.change) AS change
      FROM (${sides}) AS c (${list}, change)
      GROUP BY ${places} HAVING sum(c.change) <> 0 ORDER BY ${places}`;
  const add = (sides: string) => `
        INSERT INTO ${counts} AS known (slot, ${list}, grants)
        SELECT slot_used, changed.* FROM (${changes(sides)}) AS changed
        ON CONFLICT ON CONSTRAINT nowgg_vault_count_pk DO UPDATE SET grants = known.grants + excluded.grants`;
  const both = `${side('old_rows', '-1')} UNION ALL ${side('new_rows', '1')}`;
  return `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
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
