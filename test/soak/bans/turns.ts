import { AsyncLocalStorage } from 'node:async_hooks';
import type { SeededRandom } from '../random.js';

/** Lets the operations of one run go on one at a time, in an order that the seed decides. */
export class Turns {
  readonly #random: SeededRandom;
  readonly #waiting: (() => void)[] = [];
  #open = false;
  #changed: () => void = () => undefined;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** Waits for its turn. */
  async take(): Promise<void> {
    if (this.#open) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      this.#changed();
    });
  }

  /** Runs the operations, some of them at the same time, to their end. */
  async drive(operations: readonly (() => Promise<unknown>)[]): Promise<void> {
    const left = [...operations];
    let underWay = 0;
    while (left.length > 0 || underWay > 0) {
      const mayBegin = left.length > 0 && (underWay === 0 || this.#random.next() < 0.3);
      if (mayBegin) {
        underWay += 1;
        void left
          .shift()?.()
          .finally(() => {
            underWay -= 1;
            this.#changed();
          });
      } else if (this.#waiting.length > 0) this.#release();
      else await this.#change();
      await new Promise(setImmediate);
    }
    this.#open = true;
    while (this.#waiting.length > 0) this.#release();
  }

  #release(): void {
    const [next] = this.#waiting.splice(Math.floor(this.#random.next() * this.#waiting.length), 1);
    next?.();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }
}

/** What one call belongs to: its run, and what is noted of the call. */
export interface Call {
  readonly turns: Turns;
  onClaimed?: () => void;
}

const calls = new AsyncLocalStorage<Call>();

/** Runs work whose store operations wait for the turns of its run. */
export function inTurns<T>(call: Call, work: () => Promise<T>): Promise<T> {
  return calls.run(call, work);
}

/** A store whose operations wait for their turn, before and after. */
export function inTurn<T extends object>(store: T): T {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member !== 'function') return member;
      const operation = member.bind(target) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        const call = calls.getStore();
        return call ? afterTurn(call, name, () => operation(...args)) : operation(...args);
      };
    },
  });
}

async function afterTurn(call: Call, name: string | symbol, operation: () => unknown): Promise<unknown> {
  await call.turns.take();
  const result = await operation();
  if (name === 'claimExchange') call.onClaimed?.();
  await call.turns.take();
  return result;
}
