import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { compiledProgram } from '../processes/children/compiled.js';
import type { AccessToken } from '../../../libs/nowgg-auth/src/tokens/store/grant.js';
import type { Answer, Order, WorkerMessage, WorkerSettings } from './token-worker-messages.js';

/** `NODE_COMPILE_CACHE` halves the processor time of a start, from Node 22.1 on. */
const { PATH = '', NODE_COMPILE_CACHE } = process.env;
const PASSED_ON = { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) };

/** A process of its own with a token service on the database and the emulator. */
export class TokenWorker {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (results: readonly Answer[]) => void>();
  #onStep: () => void = () => undefined;
  #orders = 0;

  private constructor(settings: WorkerSettings) {
    this.#child = fork(compiledProgram('token-worker'), {
      execArgv: [],
      env: { ...PASSED_ON, TOKEN_WORKER_SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#child.on('message', (message) => this.#hear(message as WorkerMessage));
    this.#child.once('exit', () => this.#giveUp());
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  static async start(settings: WorkerSettings): Promise<TokenWorker> {
    const worker = new TokenWorker(settings);
    const ended = once(worker.#child, 'exit').then(() => {
      throw new Error('the process ended before it was ready');
    });
    await Promise.race([once(worker.#child, 'message'), ended]);
    ended.catch(() => undefined);
    return worker;
  }

  static startMany(count: number, settings: WorkerSettings): Promise<TokenWorker[]> {
    return Promise.all(Array.from({ length: count }, () => TokenWorker.start(settings)));
  }

  /** Has `callers` callers do it at once. @returns one answer for each; none from a process that ends meanwhile */
  async do(op: Order['op'], args: Order['args'] = {}): Promise<readonly Answer[]> {
    this.#orders += 1;
    const id = this.#orders;
    const results = new Promise<readonly Answer[]>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, op, args } satisfies Order, (error) => error && this.#settle(id, []));
    return results;
  }

  /** What one caller gets. @throws the code of the error */
  async get<T = AccessToken>(op: Order['op'], args: Order['args'] = {}): Promise<T> {
    const [answer] = await this.do(op, args);
    if (answer && 'value' in answer) return answer.value as T;
    throw new Error(answer?.error ?? 'no answer');
  }

  /**
   * Gives the order and resolves when the process is held up at the step.
   *
   * @throws Error when the process answers before it reaches the step
   */
  async doUntil(step: string, op: Order['op'], args: Order['args']): Promise<{ answers: Promise<readonly Answer[]> }> {
    const { answers, reached } = await this.#doTowards(step, op, args);
    const isHeldUp = await Promise.race([reached.then(() => true), answers.then(() => false)]);
    if (!isHeldUp) throw new Error(`the process answered before ${step}: ${JSON.stringify(await answers)}`);
    return { answers };
  }

  /** The same for a step that may not be on the way: then it resolves with the answers. */
  async tryUntil(
    step: string,
    op: Order['op'],
    args: Order['args'],
  ): Promise<{ answers: Promise<readonly Answer[]>; isHeldUp: boolean }> {
    const { answers, reached } = await this.#doTowards(step, op, args);
    const isHeldUp = await Promise.race([reached.then(() => true), answers.then(() => false)]);
    if (!isHeldUp) await this.goOn();
    return { answers, isHeldUp };
  }

  /** Is held up nowhere from now on. */
  async goOn(): Promise<void> {
    await this.do('pauseAt', { step: '' });
    await this.do('resume');
  }

  /** As a power failure does. */
  async kill(): Promise<void> {
    if (!this.isRunning) return;
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

  async #doTowards(step: string, op: Order['op'], args: Order['args']) {
    // The first order that reaches the step is held up, and it must be this one.
    if (this.#waiting.size > 0) throw new Error('an earlier order of this process has no answer yet');
    const reached = new Promise<void>((resolve) => {
      this.#onStep = resolve;
    });
    await this.do('pauseAt', { step });
    return { answers: this.do(op, args), reached };
  }

  #hear(message: WorkerMessage): void {
    if (message.kind === 'step') this.#onStep();
    if (message.kind === 'done') this.#settle(message.id, message.results);
  }

  #settle(id: number, results: readonly Answer[]): void {
    this.#waiting.get(id)?.(results);
    this.#waiting.delete(id);
  }

  #giveUp(): void {
    for (const id of this.#waiting.keys()) this.#settle(id, []);
  }
}
