import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A server on loopback that the benchmark starts; nothing that it keeps on disk outlives it. */
export interface Service {
  readonly url: string;
  /** Stops the server in the middle of its work; connections stay open. */
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

/** Starts a Redis; undefined where the program is missing. */
export async function startRedis(): Promise<Service | undefined> {
  if (!onPath('redis-server')) return undefined;
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'], cwd: tmpdir() });
  await lineOf(server, /Ready to accept connections/);
  return service(server, `redis://127.0.0.1:${port}`, () => undefined);
}

/** Starts a PostgreSQL; undefined where the programs are missing. @param more server settings */
export async function startPostgres(more: Readonly<Record<string, string>> = {}): Promise<Service | undefined> {
  const bin = postgresPrograms();
  if (bin === undefined) return undefined;
  const owner = databaseUser();
  const data = mkdtempSync(join(tmpdir(), 'nowgg-bench-postgres-'));
  if (owner) chownSync(data, owner.uid, owner.gid);
  const options = { cwd: data, ...owner };
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'];
  execFileSync(join(bin, 'initdb'), initdb, { stdio: 'ignore', ...options });
  const port = await freePort();
  const own = [`port=${port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${data}`, 'fsync=off'];
  const settings = [...own, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)];
  const flags = settings.flatMap((setting) => ['-c', setting]);
  const env = { ...process.env, LC_ALL: 'C' };
  const server = spawn(join(bin, 'postgres'), ['-D', data, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
    ...options,
  });
  await lineOf(server, /ready to accept connections/);
  const remove = () => rmSync(data, { recursive: true, force: true });
  return service(server, `postgres://postgres@127.0.0.1:${port}/postgres`, remove);
}

function service(server: ChildProcess, url: string, onStopped: () => void): Service {
  // A benchmark that is interrupted leaves nothing running.
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  return {
    url,
    freeze: () => server.kill('SIGSTOP'),
    thaw: () => server.kill('SIGCONT'),
    stop: async () => {
      process.off('exit', kill);
      const ended = once(server, 'exit');
      server.kill('SIGCONT');
      server.kill('SIGINT');
      await ended;
      onStopped();
    },
  };
}

async function lineOf(server: ChildProcess, line: RegExp): Promise<void> {
  const stream = server.stdout ?? server.stderr;
  if (!stream) throw new Error('a server without output');
  await new Promise<void>((resolve, reject) => {
    server.once('exit', (code) => reject(new Error(`a server of the benchmark ended with ${code}`)));
    createInterface({ input: stream }).on('line', (text) => line.test(text) && resolve());
  });
}

function postgresPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).map((version) => `${debian}/${version}/bin`) : [];
  return [...versions.toReversed(), ...folders()].find((folder) => existsSync(join(folder, 'initdb')));
}

/** The user to run PostgreSQL as: it refuses to run as root, and then runs as the user postgres. */
function databaseUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function onPath(program: string): boolean {
  return folders().some((folder) => existsSync(join(folder, program)));
}

function folders(): string[] {
  return (process.env.PATH ?? '').split(':');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
