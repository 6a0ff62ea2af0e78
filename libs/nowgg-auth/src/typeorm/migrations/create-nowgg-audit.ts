import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/**
 * The audit of acts of operators, and who its subjects are. The release before does not know these tables: it goes on
 * without writing them. Bans that it writes have no row in the audit.
 */
export class CreateNowggAudit1767225600190 implements MigrationInterface {
  readonly name = 'CreateNowggAudit1767225600190';

  async up(queryRunner: QueryRunner): Promise<void> {
    const [audit, person] = this.#tables(queryRunner);
    await queryRunner.query(`
      CREATE TABLE ${audit} (
        at timestamptz NOT NULL,
        id uuid NOT NULL,
        action text NOT NULL,
        provider text,
        kind text,
        subject uuid,
        feature text,
        until_at timestamptz,
        done_by text,
        reason_code text,
        reason_text text,
        note text,
        detail text,
        CONSTRAINT nowgg_audit_pk PRIMARY KEY (at, id)
      )`);
    await queryRunner.query(`CREATE INDEX nowgg_audit_subject ON ${audit} (subject, at, id) WHERE subject IS NOT NULL`);
    await queryRunner.query(`
      CREATE TABLE ${person} (
        provider text NOT NULL,
        user_id text NOT NULL,
        subject uuid NOT NULL,
        used_at timestamptz NOT NULL,
        CONSTRAINT nowgg_audit_person_pk PRIMARY KEY (provider, user_id)
      )`);
    await queryRunner.query(`CREATE UNIQUE INDEX nowgg_audit_person_subject ON ${person} (subject)`);
    await queryRunner.query(`CREATE INDEX nowgg_audit_person_used ON ${person} (used_at, provider, user_id)`);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of this.#tables(queryRunner)) await queryRunner.query(`DROP TABLE ${table}`);
  }

  #tables({ connection }: QueryRunner): [string, string] {
    return [qualifiedTable(connection, 'nowgg_audit'), qualifiedTable(connection, 'nowgg_audit_person')];
  }
}
