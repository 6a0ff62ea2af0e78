import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { compiledProgram } from './children/compiled.js';
import type { VerificationOrder, VerificationResults, VerificationSettings } from './verification-messages.js';

type Reply = { readonly id: number } & ({ readonly result: unknown } | { readonly problem: string });

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A process of its own that verifies tokens by the module, as an instance of a game backend does. */
export class VerificationProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #orders = 0;

  private constructor(settings: VerificationSettings) {
    this.#child = fork(compiledProgram('verification-worker'), {
      execArgv: ['--expose-gc'],
      env: { PATH: process.env.PATH ?? '', VERIFICATION_SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (reply: Reply) => this.#settle(reply));
    this.#child.on('exit', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('the process ended'));
    });
  }

  /** Resolves when it can be used; with Redis, when it has reached that. */
  static async start(settings: VerificationSettings): Promise<VerificationProcess> {
    const started = new VerificationProcess(settings);
    await started.#reply(0);
    return started;
  }

  async do<O extends VerificationOrder>(order: O): Promise<VerificationResults[O['op']]> {
    this.#orders += 1;
    const id = this.#orders;
    const reply = this.#reply(id);
    this.#child.send({ id, order });
    return (await reply) as VerificationResults[O['op']];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  #reply(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ('problem' in reply) pending?.reject(new Error(reply.problem));
    else pending?.resolve(reply.result);
  }
}
