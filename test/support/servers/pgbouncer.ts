import { spawn } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pgBouncerPath } from '../available-projects.js';
import { freePort } from './free-port.js';
import { databaseUser, inDatabase } from './postgres-cluster.js';

export interface PgBouncer {
  /** The same database, through the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

/** A PgBouncer in transaction mode before a database: each statement may run on another server connection. */
export async function startPgBouncer(databaseUrl: string, serverConnections: number): Promise<PgBouncer> {
  const program = pgBouncerPath();
  if (!program) throw new Error('PgBouncer is not installed');
  const { port: serverPort, pathname } = new URL(databaseUrl);
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'nowgg-pgbouncer-'));
  const owner = databaseUser();
  const settings = join(folder, 'pgbouncer.ini');
  writeFileSync(
    settings,
    `[databases]
* = host=127.0.0.1 port=${serverPort} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${serverConnections}
max_client_conn = 500
`,
  );
  if (owner) for (const path of [folder, settings]) chownSync(path, owner.uid, owner.gid);
  // The shell ends the pooler when its standard input closes, so a killed test run leaves none behind.
  const script = '"$@" & pooler=$!; cat >/dev/null; kill $pooler; wait $pooler';
  const stdio: ['pipe', 'ignore', 'ignore'] = ['pipe', 'ignore', 'ignore'];
  const pooler = spawn('sh', ['-c', script, 'sh', program, '-q', settings], { stdio, ...owner });
  const url = `postgres://postgres@127.0.0.1:${port}${pathname}`;
  for (let tries = 0; !(await answers(url)); tries += 1) {
    if (tries === 200) throw new Error('PgBouncer does not answer');
    await pause(50);
  }
  return {
    url,
    stop: async () => {
      const ended = new Promise((resolve) => pooler.once('exit', resolve));
      pooler.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return await inDatabase(url, async () => true);
  } catch {
    return false;
  }
}
