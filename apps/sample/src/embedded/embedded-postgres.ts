import { existsSync } from 'node:fs';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { DatabaseConfig } from '../config/sample-config.js';

/** A PostgreSQL in this process, behind a socket that the ordinary driver connects to. */
export interface EmbeddedPostgres {
  readonly config: DatabaseConfig;
  /** To be called after the last client has disconnected. */
  close(): Promise<void>;
}

/** Whether the directory holds a database already; a new one takes several seconds. */
export function holdsDatabase(directory: string): boolean {
  return existsSync(`${directory}/PG_VERSION`);
}

/**
 * Starts PGlite behind a loopback port, for a client with one connection.
 * @param directory where the database lives; undefined: in memory. The caller holds its lock.
 */
export async function startEmbeddedPostgres(directory: string | undefined): Promise<EmbeddedPostgres> {
  const database = await PGlite.create({ dataDir: directory ?? 'memory://' });
  // PGlite is one session, so clients keep to one connection. The second place is for a connection that comes while its
  // predecessor is still being closed: without it that one would be cut.
  const server = new PGLiteSocketServer({ db: database, host: '127.0.0.1', port: 0, maxConnections: 2 });
  try {
    await server.start();
  } catch (error) {
    await database.close();
    throw error;
  }
  return {
    config: { url: `postgres://postgres@${server.getServerConn()}/postgres`, poolSize: 1, shared: false },
    close: async () => {
      await server.stop();
      await database.close();
    },
  };
}
