import { DataSource } from 'typeorm';
import { nowggEntities, nowggMigrations } from '../../../libs/nowgg-auth/src/typeorm/index.js';

/** Options of a DataSource of an application, which migrates the database when it connects. */
export function migratingOptions(url: string) {
  return {
    type: 'postgres' as const,
    url,
    entities: nowggEntities,
    migrations: nowggMigrations,
    migrationsRun: true,
    installExtensions: false,
  };
}

/** A DataSource of the application's kind on a database, migrated. */
export async function migratedDataSource(url: string, poolSize = 10): Promise<DataSource> {
  return new DataSource({ ...migratingOptions(url), poolSize }).initialize();
}

const TIMES = {
  nowgg_grant: [
    'access_obtained_at',
    'access_not_after',
    'refresh_not_after',
    'lease_until',
    'attempt_started_at',
    'fail_counted_at',
    'fail_until',
    'fail_confirmed_at',
    'next_attempt_at',
    'begun_at',
    'created_at',
    'updated_at',
    'session_used_at',
    'admitted_at',
  ],
  nowgg_exchange: ['lease_until', 'completed_at', 'created_at'],
  nowgg_client: ['succeeded_at', 'recovered_at', 'attempt_at'],
  nowgg_client_count: ['counted_at'],
  nowgg_issued_token: ['begun_at', 'received_at', 'not_after'],
  nowgg_user_lock: ['ended_at'],
  nowgg_session_proof: ['not_after'],
};

/** Makes every row this much older, which is how time passes for a store that goes by the database's clock. */
export async function ageRows(dataSource: DataSource, ms: number): Promise<void> {
  for (const [table, columns] of Object.entries(TIMES)) {
    const changes = columns.map((column) => `${column} = ${column} - interval '${ms} milliseconds'`);
    // The time is part of the key: an aged row must not meet one that is not aged yet.
    if (table === 'nowgg_client_count') changes.push('process = gen_random_uuid()');
    await dataSource.query(`UPDATE ${table} SET ${changes.join(', ')}`);
  }
}
