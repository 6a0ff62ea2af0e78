import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packedLibraries, tarballOf } from './packed.js';

const consumers = path.join(import.meta.dirname, 'consumers');

/** What came of a command in a consumer. */
export interface Outcome {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An application outside of this repository that has only what a studio would install. */
export class Consumer {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Copies `consumers/<name>` and the shared sources to a new folder and installs what its manifest names, with the
   * packed libraries in place of published ones. @throws Error when npm cannot install it.
   */
  static async install(name: string, sources: readonly string[]): Promise<Consumer> {
    const consumer = Consumer.#copy(name, path.join(consumers, name));
    for (const source of sources)
      cpSync(path.join(consumers, source, 'src'), path.join(consumer.#folder, 'src'), { recursive: true });
    await consumer.#install(name);
    return consumer;
  }

  /** Copies an application out of this workspace, without what was built or installed there, and installs it. */
  static async installCopyOf(application: string): Promise<Consumer> {
    const name = path.basename(application);
    const consumer = Consumer.#copy(name, application);
    await consumer.#install(name);
    return consumer;
  }

  static #copy(name: string, from: string): Consumer {
    const folder = realpathSync(mkdtempSync(path.join(tmpdir(), `nowgg-consumer-${name}-`)));
    const filter = (file: string) => !['dist', 'node_modules'].includes(path.basename(file));
    cpSync(from, folder, { recursive: true, filter });
    return new Consumer(folder);
  }

  async #install(name: string): Promise<void> {
    const manifest = this.readJson('package.json') as { dependencies: Record<string, string> };
    for (const library of packedLibraries()) manifest.dependencies[library.name] = `file:${tarballOf(library)}`;
    writeFileSync(path.join(this.#folder, 'package.json'), JSON.stringify(manifest));
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'];
    const { exitCode, stdout, stderr } = await this.run('npm', ['install', ...flags]);
    if (exitCode !== 0) throw new Error(`npm install failed in ${name}:\n${stdout}${stderr}`);
  }

  /** Compiles with the consumer's own TypeScript; its complaints are in `stdout`. */
  async compile(): Promise<Outcome> {
    return await this.run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', '.']);
  }

  /** Runs a compiled program and returns what it printed, which must be JSON. @throws Error with its complaints. */
  async runProgram(file: string, env: Record<string, string>): Promise<unknown> {
    const { exitCode, stdout, stderr } = await this.run('node', [file], env);
    if (exitCode !== 0) throw new Error(`${file} ended with ${exitCode}:\n${stdout}${stderr}`);
    return JSON.parse(stdout) as unknown;
  }

  /** Runs a command in the consumer's folder without anything of this repository or of Jest in its environment. */
  async run(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
    const { NODE_OPTIONS: _jestOptions, NODE_PATH: _path, NODE_ENV: _test, ...inherited } = process.env;
    const outside = Object.entries(inherited).filter(([name]) => !/^npm_(package|lifecycle)|^JEST_/.test(name));
    const child = spawn(command, args, {
      cwd: this.#folder,
      env: { ...Object.fromEntries(outside), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    return { exitCode, stdout, stderr };
  }

  /** Starts a program that runs until it is ended. */
  spawn(args: readonly string[], env: Record<string, string>): ChildProcess {
    const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
    return spawn(process.execPath, args, {
      cwd: this.#folder,
      env: { PATH, HOME, TMPDIR, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** Installed version of a package, or undefined when it is not installed. */
  versionOf(name: string): string | undefined {
    try {
      return (this.readJson(`node_modules/${name}/package.json`) as { version: string }).version;
    } catch {
      // No such folder: not installed.
      return undefined;
    }
  }

  readJson(file: string): unknown {
    return JSON.parse(this.readText(file)) as unknown;
  }

  readText(file: string): string {
    return readFileSync(path.join(this.#folder, file), 'utf8');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
