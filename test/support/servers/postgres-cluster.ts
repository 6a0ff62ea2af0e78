import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { createdOnce } from '../created-once.js';
import { freePort } from './free-port.js';

/** A PostgreSQL of its own for a test file: created empty, never synced to disk, gone with its owner. */
export interface PostgresCluster {
  readonly port: number;
  /** Connection string of the database that is there from the start. */
  readonly url: string;
  /** Connection string of a new, empty database. */
  createDatabase(): Promise<string>;
  /** Cuts every connection and stays away until {@link start}. */
  goDown(): Promise<void>;
  start(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '300',
  shared_buffers: '64MB',
  autovacuum: 'off',
};

/** Starts a throw-away cluster. @param settings more server settings */
export async function startPostgresCluster(settings: Readonly<Record<string, string>> = {}): Promise<PostgresCluster> {
  const bin = serverPrograms();
  const owner = databaseUser();
  const data = mkdtempSync(join(tmpdir(), 'nowgg-postgres-'));
  execFileSync('cp', ['-a', `${await emptyCluster(bin, owner)}/.`, data]);
  const port = await freePort();
  const options = Object.entries({ ...SETTINGS, ...settings, port: String(port), unix_socket_directories: data });
  const flags = options.flatMap(([name, value]) => ['-c', `${name}=${value}`]);

  let server: ChildProcess | undefined;
  let databases = 0;
  const run = async () => {
    // The shell ends the server when its standard input closes, so a killed test run leaves none behind.
    const script = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server';
    const command = ['-c', script, 'sh', join(bin, 'postgres'), '-D', data, ...flags];
    server = spawn('sh', command, { stdio: ['pipe', 'ignore', 'ignore'], cwd: data, ...owner });
    await answering(port);
  };
  const halt = async () => {
    const ending = server;
    server = undefined;
    if (!ending) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.stdin?.end();
    await ended;
  };
  await run();

  return {
    port,
    url: urlOf(port, 'postgres'),
    start: run,
    goDown: halt,
    createDatabase: async () => {
      databases += 1;
      const name = `test_${databases}`;
      await inDatabase(urlOf(port, 'postgres'), (client) => client.query(`CREATE DATABASE ${name}`));
      return urlOf(port, name);
    },
    stop: async () => {
      await halt();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Directory of a cluster that was never started. A copy takes a tenth of the time of `initdb`. */
function emptyCluster(bin: string, owner: ReturnType<typeof databaseUser>): Promise<string> {
  const version = execFileSync(join(bin, 'initdb'), ['--version'], { encoding: 'utf8' }).replaceAll(/[^\w.]+/g, '-');
  return createdOnce(`${version}${owner?.uid ?? ''}`, async (directory) => {
    // The other user may not be allowed to enter the directory of the project.
    const data = mkdtempSync(join(tmpdir(), 'nowgg-postgres-'));
    if (owner) chownSync(data, owner.uid, owner.gid);
    const options = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
    execFileSync(join(bin, 'initdb'), ['-D', data, ...options], { stdio: 'ignore', cwd: data, ...owner });
    execFileSync('cp', ['-a', data, directory]);
    rmSync(data, { recursive: true });
  });
}

/** Runs statements over a connection of their own. */
export async function inDatabase<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

function urlOf(port: number, database: string): string {
  return `postgres://postgres@127.0.0.1:${port}/${database}`;
}

/** Where Debian and the official images keep the server programs; PATH is asked too. */
export function serverPrograms(): string {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => `${debian}/${version}/bin`) : [];
  const found = [...versions.toReversed(), ...(process.env.PATH ?? '').split(':')].find((dir) =>
    existsSync(join(dir, 'initdb')),
  );
  if (!found) throw new Error('the PostgreSQL server programs are not installed');
  return found;
}

/** PostgreSQL refuses to run as root: then it runs as the user postgres. */
export function databaseUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await inDatabase(urlOf(port, 'postgres'), async () => undefined);
    } catch (error) {
      if (tries === 200) throw error;
      await pause(50);
    }
  }
}
