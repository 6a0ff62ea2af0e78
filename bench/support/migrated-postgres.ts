import { nowggEntities, nowggMigrations } from 'nestjs-nowgg-auth/typeorm';
import { DataSource } from 'typeorm';
import { startPostgresCluster } from '../../test/support/servers/postgres-cluster.js';

/** A throw-away PostgreSQL with the library's tables. */
export interface MigratedPostgres {
  readonly url: string;
  /** For the work of a database administrator. */
  readonly administration: DataSource;
  stop(): Promise<void>;
}

/** @param settings more server settings @throws Error when the PostgreSQL server programs are missing */
export async function startMigratedPostgres(settings?: Readonly<Record<string, string>>): Promise<MigratedPostgres> {
  const cluster = await startPostgresCluster(settings);
  const administration = await new DataSource({
    type: 'postgres',
    url: cluster.url,
    entities: nowggEntities,
    migrations: nowggMigrations,
    migrationsRun: true,
    installExtensions: false,
  }).initialize();
  const stop = async () => {
    await administration.destroy();
    await cluster.stop();
  };
  return { url: cluster.url, administration, stop };
}
