import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';

export const workspace = path.resolve(import.meta.dirname, '../../..');

/** The built app as a process of its own, with no variables but these. */
export class SampleProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  #stdout = '';
  #stderr = '';

  constructor(variables: Readonly<Record<string, string>>) {
    const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
    this.#child = spawn(process.execPath, ['apps/sample/dist/main.js'], {
      cwd: workspace,
      // Empty ones too: a developer's .env file must not step in.
      env: {
        ...silence,
        PATH,
        HOME,
        TMPDIR,
        PORT: '0',
        NOWGG_EMULATOR_PORT: '0',
        OIDC_EMBEDDED_PORT: '0',
        ...variables,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when the app has said that it listens. @throws when it ends before. */
  async listening(): Promise<void> {
    await this.printing(/^Listening: .*\n/m);
  }

  /** Resolves when the app has printed this. @throws when it ends before. */
  async printing(wanted: string | RegExp): Promise<void> {
    while (this.#stdout.search(wanted) === -1) {
      if (this.#child.exitCode !== null) throw new Error(`it ended before it printed ${wanted}: ${this.#stderr}`);
      const more = this.#child.stdout ? once(this.#child.stdout, 'data') : undefined;
      await Promise.race([more, this.#ended]);
    }
  }

  /** The address that stands in the line that begins like this. */
  addressAfter(label: string): string {
    const line = this.#stdout.split('\n').find((text) => text.startsWith(label));
    const [address] = /https?:\/\/\S+/.exec(line ?? '') ?? [];
    if (address === undefined) throw new Error(`no address was printed after ${label}`);
    return address;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#ended;
    return this.#child.exitCode ?? this.#child.signalCode;
  }

  /** For clean-up: ends it, whatever it is doing. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

const silence = Object.fromEntries(
  [
    'HOST',
    'PLATFORM',
    'DATABASE_URL',
    'DATABASE_POOL_SIZE',
    'DATABASE_QUERY_TIMEOUT_MS',
    'REDIS_URL',
    'GAME_SERVER_API_KEY',
    'METRICS_KEY',
    'NOWGG_CLIENT_ID',
    'NOWGG_CLIENT_SECRET',
    'NOWGG_BASE_URL',
    'NOWGG_ENCRYPTION_KEYS',
    'PROFILE_SYNC_INTERVAL_MS',
    'PUBLIC_URL',
    'SIGN_INS_PER_MINUTE',
    'OIDC_ISSUER',
    'OIDC_CLIENT_ID',
    'OIDC_CLIENT_SECRET',
    'OIDC_AUDIENCE',
  ].map((name) => [name, '']),
);

/** Shells, each with the arguments under which it reads its input as an interactive one does. */
const SHELL_ARGUMENTS: Readonly<Record<string, readonly string[]>> = {
  dash: ['-s'],
  bash: ['--norc', '-o', 'history', '-o', 'histexpand', '-s'],
  // Interactive, for only then it does not know comments; without what it prints before a prompt.
  zsh: ['-f', '-i', '+o', 'promptcr', '+o', 'promptsp', '-s'],
};

/** The shells of this machine. */
export function installedShells(): string[] {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return Object.keys(SHELL_ARGUMENTS).filter((name) => folders.some((folder) => existsSync(path.join(folder, name))));
}

/** Pastes a text into a shell. @returns what the shell printed on both outputs */
export async function paste(text: string, shellName = 'dash'): Promise<string> {
  const shell = spawn(shellName, SHELL_ARGUMENTS[shellName] ?? [], {
    cwd: workspace,
    env: { ...process.env, PS1: '', PS2: '' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let printed = '';
  for (const output of [shell.stdout, shell.stderr]) {
    output.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
    });
  }
  shell.stdin.end(`${text}\n`);
  await once(shell, 'close');
  return printed;
}
