import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { constants, setPriority, tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.js';

export interface RedisServerOptions {
  /** Default: one that was free a moment ago. */
  readonly port?: number;
  /** A folder for snapshots. Without one the server keeps nothing on disk. */
  readonly dir?: string;
  /** More of the command line: `['--maxmemory', '1mb']`. */
  readonly args?: readonly string[];
  /** Starts as a sentinel with this configuration. */
  readonly sentinelConfig?: string;
  /** The line of the log after which it serves. */
  readonly readyLine?: RegExp;
}

/** A redis-server of the test's own, on loopback. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #options: RedisServerOptions;
  #process: ChildProcess | undefined;
  /** Also a server that keeps nothing writes a snapshot, to feed a replica: not where the tests were started. */
  #scratch: string | undefined;

  private constructor(port: number, options: RedisServerOptions) {
    this.port = port;
    this.#options = options;
  }

  /** Resolves when the server serves. */
  static async start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const server = new RedisServer(options.port ?? (await freePort()), options);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it again after {@link stop} or {@link kill}, on the same port. */
  async start(): Promise<void> {
    const { sentinelConfig, readyLine = /Ready to accept connections/ } = this.#options;
    const args = sentinelConfig === undefined ? this.#serverArguments() : [sentinelConfig, '--sentinel'];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#process = child;
    goFirst(child.pid);
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code) => reject(new Error(`redis-server ended with ${code}`)));
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (readyLine.test(line)) resolve();
      });
    });
  }

  /** Stops the process in the middle of whatever it does; connections stay open. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    this.thaw();
    await this.#end('SIGTERM');
  }

  /** Ends it as a power cut does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #serverArguments(): string[] {
    const { args = [] } = this.#options;
    const dir = this.#options.dir ?? (this.#scratch = mkdtempSync(path.join(tmpdir(), 'nowgg-redis-')));
    const own = ['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    return [...own, '--dir', dir, ...args];
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
    if (this.#scratch !== undefined) rmSync(this.#scratch, { recursive: true, force: true });
    this.#scratch = undefined;
  }
}

/** As if the server had a machine of its own: what tests do besides must not make it late. */
function goFirst(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // Takes rights that a developer need not have.
  }
}
