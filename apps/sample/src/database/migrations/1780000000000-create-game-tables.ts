import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Players, scores and purchases. The tables of the sign-in library have their own migrations. */
export class CreateGameTables1780000000000 implements MigrationInterface {
  readonly name = 'CreateGameTables1780000000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE players (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        provider varchar(64) NOT NULL,
        user_id varchar(255) NOT NULL,
        display_name varchar(64),
        country_code varchar(8),
        coins integer NOT NULL DEFAULT 500 CHECK (coins >= 0),
        profile_synced_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (provider, user_id)
      )`);
    await queryRunner.query('CREATE INDEX players_profile_synced_at ON players (profile_synced_at NULLS FIRST)');
    await queryRunner.query(`
      CREATE TABLE scores (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        player_id uuid NOT NULL REFERENCES players (id) ON DELETE CASCADE,
        board varchar(32) NOT NULL,
        points integer NOT NULL CHECK (points >= 0),
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await queryRunner.query('CREATE INDEX scores_board ON scores (board, points DESC, created_at)');
    await queryRunner.query('CREATE INDEX scores_player ON scores (player_id)');
    await queryRunner.query(`
      CREATE TABLE purchases (
        id uuid PRIMARY KEY,
        player_id uuid NOT NULL REFERENCES players (id) ON DELETE CASCADE,
        item varchar(64) NOT NULL,
        price integer NOT NULL CHECK (price >= 0),
        created_at timestamptz NOT NULL DEFAULT now()
      )`);
    await queryRunner.query('CREATE INDEX purchases_player ON purchases (player_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE purchases');
    await queryRunner.query('DROP TABLE scores');
    await queryRunner.query('DROP TABLE players');
  }
}
