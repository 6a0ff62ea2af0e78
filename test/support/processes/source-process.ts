import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';

const workspace = path.resolve(import.meta.dirname, '../../..');
const loader = ['--conditions=@nowgg/source', '--import', '@swc-node/register/esm-register'];

export interface SourceProcessOptions {
  readonly args?: readonly string[];
  /** Environment variables; nothing else of the test's own environment but what a program needs to run. */
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeOptions?: readonly string[];
}

/** Runs a TypeScript file of the workspace in a process of its own, to its end. @throws when it fails */
export async function runSource(file: string, options: SourceProcessOptions = {}) {
  const { args = [], env = {}, nodeOptions = [] } = options;
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
  return promisify(execFile)(process.execPath, [...nodeOptions, ...loader, path.join(workspace, file), ...args], {
    cwd: workspace,
    env: { PATH, HOME, TMPDIR, ...env },
    maxBuffer: 2 ** 26,
  });
}

/** A TypeScript file of the workspace in a process of its own, which can be talked to. */
export class SourceProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #output = '';

  constructor(file: string, { args = [], env = {}, nodeOptions = [] }: SourceProcessOptions = {}) {
    const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
    this.#child = spawn(process.execPath, [...nodeOptions, ...loader, path.join(workspace, file), ...args], {
      cwd: workspace,
      env: { PATH, HOME, TMPDIR, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#ended = once(this.#child, 'close');
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
  }

  /** All that it wrote so far, to either stream. */
  get output(): string {
    return this.#output;
  }

  /** Sends a message and resolves with the next one that comes. @throws when it ends instead */
  async ask<T>(message: object): Promise<T> {
    const answer = once(this.#child, 'message');
    this.#child.send(message);
    const ended = this.#ended.then(() => {
      throw new Error(`the process ended: ${this.#output.slice(-2000)}`);
    });
    const [reply] = (await Promise.race([answer, ended])) as [T];
    return reply;
  }

  /** Sends a signal, as a platform does that stops an application. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when it has ended by itself and said its last word. */
  async end(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
