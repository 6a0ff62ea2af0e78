import { RedisServer } from '../../test/support/servers/redis-server.js';
import { Child, withChildren } from '../support/child-process.js';
import { startMigratedPostgres } from '../support/migrated-postgres.js';
import type { IdentityOperations } from './identity-process.js';
import type { VerifierOperations, VerifierSettings } from './verifier-process.js';

export type Verifier = Child<VerifierOperations>;

/** The services that the processes of a backend share. */
export interface Surroundings {
  readonly identity: Child<IdentityOperations>;
  readonly baseUrl: string;
  readonly redis: RedisServer;
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

/** @throws Error when the programs of Redis or PostgreSQL are missing */
export async function startSurroundings(): Promise<Surroundings> {
  const redis = await RedisServer.start();
  const postgres = await startMigratedPostgres();
  const identity = new Child<IdentityOperations>(new URL('identity-process.js', import.meta.url));
  const stop = async () => {
    await Promise.all([identity.stop(), redis.stop(), postgres.stop()]);
  };
  return { identity, baseUrl: await identity.call('url'), redis, databaseUrl: postgres.url, stop };
}

/** Runs `work` with so many processes of a backend, and ends them. */
export function withVerifiers<T>(
  processes: number,
  settings: VerifierSettings,
  work: (verifiers: readonly [Verifier, ...Verifier[]]) => Promise<T>,
): Promise<T> {
  return withChildren(new URL('verifier-process.js', import.meta.url), processes, [settings], work);
}
