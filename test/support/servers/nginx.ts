import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { nginxPath } from '../available-projects.js';

const TEMPORARY = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];

export interface Nginx {
  stop(): Promise<void>;
}

/**
 * An nginx of the test's own, with nothing of the system's configuration.
 *
 * @param servers `server` blocks, one of which listens on `port` of 127.0.0.1
 */
export async function startNginx(servers: string, port: number): Promise<Nginx> {
  const program = nginxPath();
  if (!program) throw new Error('nginx is not installed');
  const prefix = mkdtempSync(join(tmpdir(), 'nowgg-nginx-'));
  const temporary = TEMPORARY.map((kind) => `  ${kind}_temp_path ${prefix}/${kind};`).join('\n');
  const settings = join(prefix, 'nginx.conf');
  writeFileSync(
    settings,
    `daemon off;
master_process off;
pid ${prefix}/nginx.pid;
error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
${temporary}
${servers}
}
`,
  );
  // The shell ends the server when its standard input closes, so a killed test run leaves none behind.
  const script = '"$@" & server=$!; cat >/dev/null; kill $server; wait $server';
  const stdio: ['pipe', 'ignore', 'pipe'] = ['pipe', 'ignore', 'pipe'];
  const shell = spawn('sh', ['-c', script, 'sh', program, '-p', prefix, '-e', 'stderr', '-c', settings], { stdio });
  let complaints = '';
  shell.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const stop = async () => {
    const ended = new Promise((resolve) => shell.once('exit', resolve));
    shell.stdin.end();
    await ended;
    rmSync(prefix, { recursive: true, force: true });
  };
  for (let tries = 0; !(await accepts(port)); tries += 1) {
    if (tries === 200 || complaints.includes('[emerg]')) {
      await stop();
      throw new Error(`nginx does not answer: ${complaints}`);
    }
    await pause(25);
  }
  return { stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (isOpen: boolean) => () => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
  });
}
