import { Child } from '../support/child-process.js';
import { startPostgres, startRedis, type Service } from '../support/services.js';
import { nowggEntities, nowggMigrations } from 'nestjs-nowgg-auth/typeorm';
import { DataSource } from 'typeorm';
import type { IdentityOperations } from './identity-process.js';
import type { VerifierOperations, VerifierSettings } from './verifier-process.js';

export type Verifier = Child<VerifierOperations>;

/** The services that the processes of a backend share. */
export interface Surroundings {
  readonly identity: Child<IdentityOperations>;
  readonly baseUrl: string;
  /** Undefined where the programs are missing. */
  readonly redis: Service | undefined;
  readonly postgres: Service | undefined;
  stop(): Promise<void>;
}

export async function startSurroundings(): Promise<Surroundings> {
  const identity = new Child<IdentityOperations>(new URL('identity-process.js', import.meta.url));
  const redis = await startRedis();
  const postgres = await startPostgres();
  if (postgres) await migrate(postgres.url);
  const stop = async () => {
    await Promise.all([identity.stop(), redis?.stop(), postgres?.stop()]);
  };
  return { identity, baseUrl: await identity.call('url'), redis, postgres, stop };
}

/** Runs `work` with so many processes of a backend, and ends them. */
export async function withVerifiers<T>(
  processes: number,
  settings: VerifierSettings,
  use: (verifiers: readonly Verifier[]) => Promise<T>,
): Promise<T> {
  const verifiers = Array.from(
    { length: processes },
    () => new Child<VerifierOperations>(new URL('verifier-process.js', import.meta.url)),
  );
  try {
    await Promise.all(verifiers.map((verifier) => verifier.call('start', settings)));
    return await use(verifiers);
  } finally {
    await Promise.all(verifiers.map((verifier) => verifier.stop()));
  }
}

async function migrate(url: string): Promise<void> {
  const dataSource = new DataSource({
    type: 'postgres',
    url,
    entities: nowggEntities,
    migrations: nowggMigrations,
    installExtensions: false,
  });
  await dataSource.initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
}
