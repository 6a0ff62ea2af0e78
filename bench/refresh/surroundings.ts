import { nowggEntities, nowggMigrations } from 'nestjs-nowgg-auth/typeorm';
import { DataSource } from 'typeorm';
import { Child } from '../support/child-process.js';
import { startPostgres } from '../support/services.js';
import type { RefresherOperations, RefresherSettings } from './refresher-process.js';
import type { UpstreamOperations } from './upstream-process.js';

export type RefresherProcess = Child<RefresherOperations>;

/** The services that all processes share. */
export interface Surroundings {
  readonly upstream: Child<UpstreamOperations>;
  readonly upstreamUrl: string;
  readonly databaseUrl: string;
  /** For the work of a database administrator. */
  readonly administration: DataSource;
  stop(): Promise<void>;
}

/** Settings for a million rows; a machine that loses power loses the benchmark. */
const SERVER_SETTINGS = {
  shared_buffers: '512MB',
  max_connections: '200',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
};

/** Starts the services; undefined where the PostgreSQL server programs are missing. */
export async function startSurroundings(): Promise<Surroundings | undefined> {
  const postgres = await startPostgres(SERVER_SETTINGS);
  if (!postgres) return undefined;
  const administration = await new DataSource({
    type: 'postgres',
    url: postgres.url,
    entities: nowggEntities,
    migrations: nowggMigrations,
    migrationsRun: true,
    installExtensions: false,
  }).initialize();
  await administration.query(`CREATE TABLE bench_player AS
    SELECT n AS id, 'player ' || n AS name FROM generate_series(1, 10000) n`);
  await administration.query('ALTER TABLE bench_player ADD PRIMARY KEY (id)');
  const upstream = new Child<UpstreamOperations>(new URL('upstream-process.js', import.meta.url));
  const stop = async () => {
    await administration.destroy();
    await Promise.all([upstream.stop(), postgres.stop()]);
  };
  return { upstream, upstreamUrl: await upstream.call('url'), databaseUrl: postgres.url, administration, stop };
}

/** Runs `work` with so many processes of an application, and ends them. */
export async function withRefreshers<T>(
  { databaseUrl, upstreamUrl }: Surroundings,
  processes: number,
  settings: Omit<RefresherSettings, 'databaseUrl' | 'upstreamUrl'>,
  use: (refreshers: readonly [RefresherProcess, ...RefresherProcess[]]) => Promise<T>,
): Promise<T> {
  const module = new URL('refresher-process.js', import.meta.url);
  const [first, ...others] = Array.from({ length: processes }, () => new Child<RefresherOperations>(module));
  if (!first) throw new Error('at least one process is needed');
  const all = [first, ...others] as const;
  try {
    await Promise.all(all.map((refresher) => refresher.call('start', { ...settings, databaseUrl, upstreamUrl })));
    return await use(all);
  } finally {
    await Promise.all(all.map((refresher) => refresher.stop()));
  }
}
