import { type ChildProcess, spawn } from 'node:child_process';
import { compiledFile } from './children/compiled.js';

/** What came of a run of the command line tool. */
export interface CommandOutcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run of `nestjs-nowgg-auth` as a process of its own, with nothing in its environment but what the test gives it. */
export class VaultCommand {
  readonly ended: Promise<CommandOutcome>;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
    const program = compiledFile('libs/nowgg-auth/src/cli/main.js');
    const env = { PATH: process.env.PATH ?? '', ...variables };
    this.#child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      for (const listener of this.#listeners) listener();
    });
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (exitCode, signal) => {
        resolve({ exitCode, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Resolves as soon as it has complained, or told of its progress, for the first time. @throws when it ends before */
  async underWay(): Promise<void> {
    if (this.#stderr !== '') return;
    const heard = new Promise<void>((resolve) => this.#listeners.add(resolve));
    const over = this.ended.then(({ stdout }) => {
      throw new Error(`the command ended without a word of progress: ${stdout}`);
    });
    await Promise.race([heard, over]);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** Runs the command to its end. */
export function vaultCommand(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CommandOutcome> {
  return new VaultCommand(args, variables).ended;
}
