import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { DatabaseConfig } from '../config/sample-config.js';
import { PasswordGate } from './password-gate.js';
import { createPrivately, makePrivate } from './private-files.js';

/** The directory of the embedded database holds something that cannot be opened. */
export class EmbeddedDatabaseError extends Error {
  constructor(directory: string) {
    super(`the embedded database in ${directory} cannot be opened: it is damaged, or of another version`);
    this.name = 'EmbeddedDatabaseError';
  }
}

/** A PostgreSQL in this process, behind a socket that the ordinary driver connects to. */
export interface EmbeddedPostgres {
  readonly config: DatabaseConfig;
  /** Closes the database. To be called after the last client has disconnected. */
  close(): Promise<void>;
}

/** Whether the directory holds a database already; a new one takes several seconds. */
export function holdsDatabase(directory: string): boolean {
  return existsSync(`${directory}/PG_VERSION`);
}

/**
 * Starts PGlite behind a loopback port with a random password, for a client with one connection. Files and directories
 * are for this user only.
 * @param directory directory of the database; undefined: in memory. The caller holds its lock.
 */
export async function startEmbeddedPostgres(directory: string | undefined): Promise<EmbeddedPostgres> {
  const undo: (() => unknown)[] = [];
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step();
  };
  try {
    const database = await openDatabase(directory, undo);
    undo.push(() => database.close());
    const socket = await privateSocket(undo);
    // PGlite has one session, so clients use one connection. The second one is for a connection that arrives while the
    // previous one is still being closed: without it the new connection would be cut.
    const server = new PGLiteSocketServer({ db: database, path: socket, maxConnections: 2 });
    await server.start();
    undo.push(() => server.stop());
    const password = randomBytes(24).toString('hex');
    const gate = await PasswordGate.open(socket, password);
    undo.push(() => gate.close());
    const url = `postgres://postgres:${password}@127.0.0.1:${gate.port}/postgres`;
    return { config: { url, poolSize: 1, shared: false, queryTimeoutMs: 0 }, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openDatabase(directory: string | undefined, undo: (() => unknown)[]): Promise<PGlite> {
  if (directory === undefined) return PGlite.create({ dataDir: 'memory://' });
  await makePrivate(directory);
  undo.push(createPrivately());
  const database = await PGlite.create({ dataDir: directory }).catch(() => {
    throw new EmbeddedDatabaseError(directory);
  });
  // A new database is unpacked with its own file permissions.
  await makePrivate(directory);
  return database;
}

/** Path that the database listens on, which only this user can reach. */
async function privateSocket(undo: (() => unknown)[]): Promise<string> {
  if (process.platform === 'win32') return `\\\\.\\pipe\\nowgg-sample-${randomUUID()}`;
  // The mode of the new directory is 0700.
  const directory = await mkdtemp(path.join(tmpdir(), 'nowgg-sample-'));
  undo.push(() => rm(directory, { recursive: true, force: true }));
  return path.join(directory, 'postgres');
}
