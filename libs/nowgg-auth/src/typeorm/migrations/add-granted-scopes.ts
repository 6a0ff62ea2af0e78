import type { MigrationInterface, QueryRunner } from 'typeorm';
import { qualifiedTable } from '../database/database-names.js';

/** The granted scopes of a grant. Null for grants of an earlier release: their scopes are not known. */
export class AddGrantedScopes1767225600085 implements MigrationInterface {
  readonly name = 'AddGrantedScopes1767225600085';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(
      `ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')} ADD COLUMN scopes text[]`,
    );
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`ALTER TABLE ${qualifiedTable(queryRunner.connection, 'nowgg_grant')} DROP COLUMN scopes`);
  }
}
