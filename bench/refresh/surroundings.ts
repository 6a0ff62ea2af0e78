import type { DataSource } from 'typeorm';
import { Child, withChildren } from '../support/child-process.js';
import { startMigratedPostgres } from '../support/migrated-postgres.js';
import type { VariantName } from './refresher.js';
import type { RefresherOperations } from './refresher-process.js';
import type { UpstreamOperations } from './upstream-process.js';

export type RefresherProcess = Child<RefresherOperations>;

/** Connections of the application. */
export const POOL_SIZE = 10;

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
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
};

/** @throws Error when the PostgreSQL server programs are missing */
export async function startSurroundings(): Promise<Surroundings> {
  const postgres = await startMigratedPostgres(SERVER_SETTINGS);
  const { administration } = postgres;
  await administration.query(`CREATE TABLE bench_player AS
    SELECT n AS id, 'player ' || n AS name FROM generate_series(1, 10000) n`);
  await administration.query('ALTER TABLE bench_player ADD PRIMARY KEY (id)');
  const upstream = new Child<UpstreamOperations>(new URL('upstream-process.js', import.meta.url));
  const stop = async () => {
    await Promise.all([upstream.stop(), postgres.stop()]);
  };
  return { upstream, upstreamUrl: await upstream.call('url'), databaseUrl: postgres.url, administration, stop };
}

/** Runs `use` with a process of an application, and ends it. */
export function withRefresher<T>(
  { databaseUrl, upstreamUrl }: Surroundings,
  variant: VariantName,
  use: (refresher: RefresherProcess) => Promise<T>,
): Promise<T> {
  const settings = { variant, poolSize: POOL_SIZE, databaseUrl, upstreamUrl };
  const module = new URL('refresher-process.js', import.meta.url);
  return withChildren<RefresherOperations, T>(module, 1, [settings], ([refresher]) => use(refresher));
}
