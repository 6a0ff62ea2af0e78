import type { MigrationInterface, QueryRunner } from 'typeorm';
import {
  BY_CONTENT,
  countAll,
  type CountedBy,
  countingFunction,
  schemaOfGrants,
} from '../database/vault-count-function.js';

const BY_CLIENT = { ...BY_CONTENT, provider: 'provider', client_key: 'client_key' };

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

async function namesOf(queryRunner: QueryRunner): Promise<Names> {
  const schema = await schemaOfGrants(queryRunner);
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
  by: CountedBy,
  changes: readonly string[],
): Promise<void> {
  const columns = Object.keys(by);
  const run = async (statement: string) => void (await queryRunner.query(statement));
  await run(`LOCK TABLE ${grant} IN SHARE ROW EXCLUSIVE MODE`);
  await run(`DELETE FROM ${counts}`);
  await run(`ALTER TABLE ${counts} DROP CONSTRAINT nowgg_vault_count_pk, ${changes.join(', ')}`);
  await run(`ALTER TABLE ${counts} ADD CONSTRAINT nowgg_vault_count_pk PRIMARY KEY (slot, ${columns.join(', ')})`);
  await run(countAll(grant, counts, by));
  await run(countingFunction(count, counts, by));
}
