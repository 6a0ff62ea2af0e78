import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { compiledProgram } from './children/compiled.js';
import type { FirstUseOrder, FirstUseReport, FirstUseSettings } from './first-use-messages.js';

/** A process of its own in which callers present tokens to the module. */
export class FirstUseProcess {
  readonly #child: ChildProcess;
  #orders = 0;

  private constructor(settings: FirstUseSettings) {
    this.#child = fork(compiledProgram('first-use-worker'), {
      execArgv: [],
      env: { PATH: process.env.PATH ?? '', FIRST_USE_SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
  }

  /** Resolves when it can be used; with Redis, when it has reached that. */
  static async start(settings: FirstUseSettings): Promise<FirstUseProcess> {
    const started = new FirstUseProcess(settings);
    await once(started.#child, 'message');
    return started;
  }

  /** @returns how many of the callers were let in */
  async present(token: string, callers: number): Promise<number> {
    this.#orders += 1;
    const reported = once(this.#child, 'message') as Promise<[FirstUseReport]>;
    this.#child.send({ id: this.#orders, token, callers } satisfies FirstUseOrder);
    const [{ valid }] = await reported;
    return valid;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }
}
