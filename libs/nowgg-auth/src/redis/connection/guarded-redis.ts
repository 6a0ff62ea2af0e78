import type { NowggClock } from '../../clock.js';
import { Circuit } from '../../resilience/circuit.js';
import type { RedisClient } from './redis-client.js';
import type { RedisConnection } from './redis-connection.js';
import { withinBudget } from './within-budget.js';

/** A reply of a type that the command never has: it belongs to another command, or is forged. */
export class UnexpectedReplyError extends Error {
  constructor() {
    super('redis answered with a reply of an unexpected type');
    this.name = 'UnexpectedReplyError';
  }
}

/** Kinds of commands, each with its own circuit: a server that refuses writes may still serve reads and send hints. */
type CommandKind = 'read' | 'write' | 'hint';

const BUDGET_MS = 25;
/** Overdue replies that have not arrived after this time are lost. */
const LOST_MS = 1_000;
const CIRCUIT = { openAfter: 5, windowMs: 1_000, firstPauseMs: 250, longestPauseMs: 1_000 };

interface GuardListeners {
  /** Called when replies are lost, or most reads or writes fail. */
  readonly onSilence?: () => void;
  /** Called when a command was answered in time. */
  readonly onAnswer?: () => void;
}

/** Replies of one connection that did not arrive in time. */
interface Overdue {
  count: number;
  sinceMs: number;
}

/**
 * Limits the cost of Redis operations while Redis is slow or down: each has a time budget, none starts while replies
 * are overdue (it would queue behind them), and while the circuit is open only single probes start.
 */
export class GuardedRedis {
  readonly #connection: RedisConnection;
  readonly #clock: NowggClock;
  readonly #circuits: Readonly<Record<CommandKind, Circuit>>;
  readonly #listeners: GuardListeners;
  #overdue: Overdue = { count: 0, sinceMs: 0 };

  constructor(connection: RedisConnection, clock: NowggClock, listeners: GuardListeners = {}) {
    this.#listeners = listeners;
    const circuit = { ...CIRCUIT, onChange: (isOpen: boolean) => isOpen && listeners.onSilence?.() };
    this.#connection = connection;
    this.#clock = clock;
    this.#circuits = {
      read: new Circuit(clock, circuit),
      write: new Circuit(clock, circuit),
      hint: new Circuit(clock, CIRCUIT),
    };
  }

  /**
   * Runs an operation. Never rejects.
   *
   * @param onLate called with a result that arrived after the budget, to undo it
   * @returns undefined when the operation was not started, failed or took too long
   */
  async run<T extends {} | null>(
    kind: CommandKind,
    operate: (client: RedisClient) => Promise<T>,
    onLate?: (value: T, client: RedisClient) => void,
  ): Promise<T | undefined> {
    const { client } = this.#connection;
    const circuit = this.#circuits[kind];
    if (!client || this.#isOverdue() || circuit.enter() > 0) return undefined;
    const running = operate(client);
    const outcome = await withinBudget(running, BUDGET_MS);
    if (outcome.status === 'answered') {
      circuit.answered();
      this.#listeners.onAnswer?.();
      return outcome.value;
    }
    circuit.failed();
    if (outcome.status === 'late') this.#await(running.then((value) => onLate?.(value, client)));
    else if (outcome.error instanceof UnexpectedReplyError) this.distrust();
    return undefined;
  }

  /** Replaces the connection, because its replies do not belong to the commands. */
  distrust(): void {
    this.#overdue = { count: 0, sinceMs: 0 };
    this.#connection.replace();
  }

  /** Resets the state for a new connection. */
  connected(): void {
    this.#overdue = { count: 0, sinceMs: 0 };
    for (const circuit of Object.values(this.#circuits)) circuit.answered();
  }

  #isOverdue(): boolean {
    if (this.#overdue.count === 0) return false;
    if (this.#clock.monotonicNow() - this.#overdue.sinceMs >= LOST_MS) {
      this.#listeners.onSilence?.();
      this.distrust();
    }
    return true;
  }

  #await(settled: Promise<unknown>): void {
    const overdue = this.#overdue;
    if (overdue.count === 0) overdue.sinceMs = this.#clock.monotonicNow();
    overdue.count += 1;
    settled
      .catch(() => undefined)
      .finally(() => {
        overdue.count -= 1;
      });
  }
}
