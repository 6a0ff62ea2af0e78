import { Client } from 'pg';
import { DataSource, type DataSourceOptions } from 'typeorm';

/** Any number that no other program uses as an advisory lock on the same database. */
const migrationLock = 6_996_044;

/**
 * Connects and migrates. Processes that start at the same time on one database wait for each other here: TypeORM takes
 * no lock, and the second process to create a table would fail. Migrations run without the limit of the game's queries.
 * @param shared whether there can be other processes; the embedded database has one connection and one process
 */
export async function createMigratedDataSource(
  options: DataSourceOptions | undefined,
  shared: boolean,
): Promise<DataSource> {
  if (options?.type !== 'postgres') throw new TypeError('the sample runs on PostgreSQL');
  if (!shared) return new DataSource(options).initialize();
  const dataSource = new DataSource({ ...options, migrationsRun: false });
  const queue = new Client({
    connectionString: options.url ?? '',
    application_name: 'nowgg-sample-migrations',
    connectionTimeoutMillis: 5_000,
  });
  // A connection that breaks fails the query that runs on it; without a listener it would also end the process.
  queue.on('error', () => undefined);
  await queue.connect();
  try {
    // A lock of a transaction, not of a session: it also works behind a connection pooler in transaction mode.
    await queue.query('BEGIN');
    await queue.query('SELECT pg_advisory_xact_lock($1)', [migrationLock]);
    const { query_timeout: _limit, ...extra } = (options.extra ?? {}) as Record<string, unknown>;
    const migrating = new DataSource({ ...options, poolSize: 1, extra });
    await migrating.initialize();
    await migrating.destroy();
    return await dataSource.initialize();
  } finally {
    await queue.end();
  }
}
