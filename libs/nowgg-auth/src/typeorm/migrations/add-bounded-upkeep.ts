import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';
import { LASTS_LONGER } from '../database/revocation-pages.js';

/**
 * Indexes by which a process that starts reads each revocation once, and by which a sweep finds the rows of users
 * without the others.
 */
export class AddBoundedUpkeep1767225600130 implements MigrationInterface {
  readonly name = 'AddBoundedUpkeep1767225600130';

  async up(queryRunner: QueryRunner): Promise<void> {
    await this.#replaceLasting(queryRunner, LASTS_LONGER);
    const table = qualifiedTable(queryRunner.connection, 'nowgg_user_lock');
    await queryRunner.query(
      `CREATE INDEX nowgg_user_lock_unended ON ${table} (provider, client_key, user_id) WHERE ended_at IS NULL`,
    );
    await queryRunner.query(
      `CREATE INDEX nowgg_user_lock_ended ON ${table} (ended_at, provider, client_key, user_id)
       WHERE ended_at IS NOT NULL`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const index of ['unended', 'ended']) {
      await queryRunner.query(`DROP INDEX ${qualifiedTable(queryRunner.connection, `nowgg_user_lock_${index}`)}`);
    }
    await this.#replaceLasting(queryRunner, 'not_after IS NOT NULL');
  }

  async #replaceLasting(queryRunner: QueryRunner, condition: string): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_revocation');
    await queryRunner.query(`DROP INDEX ${qualifiedTable(queryRunner.connection, 'nowgg_revocation_lasting')}`);
    await queryRunner.query(
      `CREATE INDEX nowgg_revocation_lasting ON ${table} (not_after, provider, kind, subject_id) WHERE ${condition}`,
    );
  }
}
