import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';
import { LASTS_LONGER } from '../database/revocation-pages.js';

/** The table of bans from single features, which the release before does not read. */
export class CreateNowggFeatureBan1767225600160 implements MigrationInterface {
  readonly name = 'CreateNowggFeatureBan1767225600160';

  async up(queryRunner: QueryRunner): Promise<void> {
    const table = qualifiedTable(queryRunner.connection, 'nowgg_feature_ban');
    await queryRunner.query(`
      CREATE TABLE ${table} (
        provider text NOT NULL,
        kind text NOT NULL,
        subject_id text NOT NULL,
        issued_until timestamptz,
        refused_until timestamptz,
        marked_at timestamptz,
        not_after timestamptz,
        changed_at timestamptz NOT NULL,
        reason_code text,
        reason_text text,
        banned_by text,
        banned_at timestamptz,
        reason_until timestamptz,
        CONSTRAINT nowgg_feature_ban_pk PRIMARY KEY (provider, kind, subject_id)
      )`);
    const indexes = [
      ['recent', 'changed_at', 'changed_at IS NOT NULL'],
      ['banned', 'refused_until', 'refused_until IS NOT NULL'],
      ['lasting', 'not_after', LASTS_LONGER],
    ] as const;
    for (const [name, column, condition] of indexes) {
      const where = name === 'recent' ? '' : ` WHERE ${condition}`;
      await queryRunner.query(
        `CREATE INDEX nowgg_feature_ban_${name} ON ${table} (${column}, provider, kind, subject_id)${where}`,
      );
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`DROP TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_feature_ban')}`);
  }
}
