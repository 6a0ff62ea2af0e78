import type { QueryRunner } from 'typeorm';
import { qualifiedTable } from './database-names.js';
import { sealOf } from './grant-expressions.js';

/** Columns of the counts, each with its expression of the grant's columns. */
export type CountedBy = Readonly<Record<string, string>>;

export const BY_CONTENT: CountedBy = {
  state: 'state',
  refresh_seal: sealOf('refresh_ct'),
  access_seal: sealOf('access_ct'),
  handle_key_id: "coalesce(handle_key_id, '')",
};
const SLOTS = 64;

/** The schema of the grants, quoted: a trigger must find its tables with any search path of the program that writes. */
export async function schemaOfGrants(queryRunner: QueryRunner): Promise<string> {
  const table = qualifiedTable(queryRunner.connection, 'nowgg_grant');
  const [{ schema }] = (await queryRunner.query(
    `SELECT quote_ident(n.nspname) AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass('${table.replaceAll("'", "''")}')`,
  )) as [{ schema: string }];
  return schema;
}

/** Counts all grants, as one slot. */
export function countAll(grant: string, counts: string, by: CountedBy): string {
  const columns = Object.keys(by);
  return `INSERT INTO ${counts} (slot, ${columns.join(', ')}, grants)
    SELECT 0, ${Object.values(by).join(', ')}, count(*) FROM ${grant}
    GROUP BY ${columns.map((_, index) => index + 2).join(', ')}`;
}

/**
 * Adds what a statement has changed to a slot that no other open transaction uses: the first free one, from a place that
 * differs by connection, or one of the connection's own.
 */
export function countingFunction(name: string, counts: string, by: CountedBy): string {
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
