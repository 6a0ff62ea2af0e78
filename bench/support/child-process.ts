import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Functions that one process offers to its parent, by name; arguments and results travel as structured clones. */
export type Operations = Readonly<Record<string, (...argument: never[]) => unknown>>;

interface Call {
  readonly id: number;
  readonly name: string;
  readonly argument: readonly unknown[];
}

type Reply = { readonly id: number } & ({ readonly result: unknown } | { readonly problem: string });

type Result<F extends (...argument: never[]) => unknown> = Awaited<ReturnType<F>>;

/** A call that has no answer yet. */
interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A module that runs in a separate process. */
export class Child<O extends Operations> {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #calls = 0;

  /** Starts the module; it must call {@link serve}. */
  constructor(module: URL, nodeOptions: readonly string[] = []) {
    this.#process = fork(fileURLToPath(module), {
      execArgv: [...nodeOptions],
      serialization: 'advanced',
      env: { ...process.env, NODE_ENV: 'production' },
    });
    this.#process.on('message', (reply) => this.#settle(reply as Reply));
    this.#process.on('exit', () => {
      for (const { reject } of this.#pending.values()) reject(new Error('a process of the benchmark ended early'));
      this.#pending.clear();
    });
  }

  call<N extends keyof O & string>(name: N, ...argument: Parameters<O[N]>): Promise<Result<O[N]>> {
    const id = (this.#calls += 1);
    const call: Call = { id, name, argument };
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#process.send(call, (error) => error && reject(error));
    }) as Promise<Result<O[N]>>;
  }

  /** Ends the process and waits for its end. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill();
    await gone;
  }

  #settle(reply: Reply): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if ('problem' in reply) pending?.reject(new Error(reply.problem));
    else pending?.resolve(reply.result);
  }
}

/** Runs `use` with so many processes of a module that have done their `start`, and ends them. */
export async function withChildren<O extends Operations & { readonly start: (...argument: never[]) => unknown }, T>(
  module: URL,
  count: number,
  settings: Parameters<O['start']>,
  use: (children: readonly [Child<O>, ...Child<O>[]]) => Promise<T>,
): Promise<T> {
  const children = Array.from({ length: count }, () => new Child<O>(module)) as [Child<O>, ...Child<O>[]];
  try {
    await Promise.all(children.map((child) => child.call('start', ...settings)));
    return await use(children);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
  }
}

/** Offers operations to the parent process. Ends this process when the parent has ended. */
export function serve(operations: Operations): void {
  process.on('message', (message) => void answer(operations, message as Call));
  process.on('disconnect', () => process.exit());
}

async function answer(operations: Operations, { id, name, argument }: Call): Promise<void> {
  try {
    const operation = operations[name] as ((...argument: readonly unknown[]) => unknown) | undefined;
    if (!operation) throw new Error(`no operation ${name}`);
    process.send?.({ id, result: await operation(...argument) } satisfies Reply);
  } catch (error) {
    process.send?.({
      id,
      problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
    } satisfies Reply);
  }
}
