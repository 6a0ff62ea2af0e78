import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { compiledProgram } from './children/compiled.js';
import type { AccessToken } from '../../libs/nowgg-auth/src/tokens/grant.js';
import type { Answer, Order, WorkerMessage, WorkerSettings } from './token-endpoint-worker-messages.js';

/** A process of its own with a token service on the database and the scripted endpoint. */
export class TokenWorker {
  readonly #child: ChildProcess;
  readonly #stepsReached: string[] = [];
  readonly #waiting = new Map<number, (results: readonly Answer[]) => void>();
  #orders = 0;

  private constructor(settings: WorkerSettings) {
    this.#child = fork(compiledProgram('token-worker'), {
      execArgv: [],
      env: { PATH: process.env.PATH ?? '', TOKEN_WORKER_SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#hear(message as WorkerMessage));
  }

  static async start(settings: WorkerSettings): Promise<TokenWorker> {
    const worker = new TokenWorker(settings);
    await once(worker.#child, 'message');
    return worker;
  }

  static startMany(count: number, settings: WorkerSettings): Promise<TokenWorker[]> {
    return Promise.all(Array.from({ length: count }, () => TokenWorker.start(settings)));
  }

  /** Has `callers` callers do it at once. @returns one answer for each */
  async do(op: Order['op'], args: Order['args'] = {}): Promise<readonly Answer[]> {
    this.#orders += 1;
    const id = this.#orders;
    const results = new Promise<readonly Answer[]>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, op, args } satisfies Order);
    return results;
  }

  /** What one caller gets. @throws the code of his error */
  async get<T = AccessToken>(op: Order['op'], args: Order['args'] = {}): Promise<T> {
    const [answer] = await this.do(op, args);
    if (answer && 'value' in answer) return answer.value as T;
    throw new Error(answer?.error ?? 'no answer');
  }

  /** Gives the order and resolves when the process is held up at the step on the way. */
  async doUntil(step: string, op: Order['op'], args: Order['args']): Promise<{ answers: Promise<readonly Answer[]> }> {
    this.#stepsReached.length = 0;
    await this.do('pauseAt', { step });
    const answers = this.do(op, args);
    while (!this.#stepsReached.includes(step)) await once(this.#child, 'message');
    return { answers };
  }

  /** As a power failure does. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await ended;
  }

  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Lets it go on from where it was frozen or held up. */
  async thaw(): Promise<void> {
    this.#child.kill('SIGCONT');
    await this.do('resume');
  }

  /** As a deployment does; resolves when the process has gone. */
  async shutDown(): Promise<void> {
    const ended = once(this.#child, 'exit');
    await this.do('close');
    await ended;
  }

  #hear(message: WorkerMessage): void {
    if (message.kind === 'step') this.#stepsReached.push(message.step);
    if (message.kind !== 'done') return;
    this.#waiting.get(message.id)?.(message.results);
    this.#waiting.delete(message.id);
  }
}
