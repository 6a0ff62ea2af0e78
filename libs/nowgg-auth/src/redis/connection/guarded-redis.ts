import type { NowggClock } from '../../clock.js';
import { Circuit } from '../../resilience/circuit.js';
import type { RedisClient } from './redis-client.js';
import type { RedisConnection } from './redis-connection.js';
import { withinBudget } from './within-budget.js';

/** A reply of a kind that the command does not have: it belongs to another command, or was made up. */
export class UnexpectedReplyError extends Error {
  constructor() {
    super('redis answered with a reply of another kind');
    this.name = 'UnexpectedReplyError';
  }
}

/** Commands that share a circuit: a server that takes no writes may go on serving reads and passing on hints. */
export type CommandKind = 'read' | 'write' | 'hint';

const BUDGET_MS = 25;
/** Overdue replies that are still not there after this time will not come. */
const LOST_MS = 1_000;
const CIRCUIT = { openAfter: 5, windowMs: 1_000, firstPauseMs: 250, longestPauseMs: 1_000 };

/** Replies of one connection that did not come in time. */
interface Overdue {
  count: number;
  sinceMs: number;
}

/**
 * Runs operations on Redis so that they cost little when Redis does: each within its budget, none while replies are
 * overdue (all would queue up behind them), none while the circuit is open but for single probes.
 */
export class GuardedRedis {
  readonly #connection: RedisConnection;
  readonly #clock: NowggClock;
  readonly #circuits: Readonly<Record<CommandKind, Circuit>>;
  #overdue: Overdue = { count: 0, sinceMs: 0 };

  constructor(connection: RedisConnection, clock: NowggClock) {
    this.#connection = connection;
    this.#clock = clock;
    this.#circuits = {
      read: new Circuit(clock, CIRCUIT),
      write: new Circuit(clock, CIRCUIT),
      hint: new Circuit(clock, CIRCUIT),
    };
  }

  /**
   * Never rejects.
   *
   * @param onLate gets what came after the budget, to undo it
   * @returns undefined when it was not tried, failed or took too long
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
      return outcome.value;
    }
    circuit.failed();
    if (outcome.status === 'late') this.#await(running.then((value) => onLate?.(value, client)));
    else if (outcome.error instanceof UnexpectedReplyError) this.distrust();
    return undefined;
  }

  /** Replies do not belong to what was asked: goes on with another connection. */
  distrust(): void {
    this.#overdue = { count: 0, sinceMs: 0 };
    this.#connection.replace();
  }

  /** A new connection has no history. */
  connected(): void {
    this.#overdue = { count: 0, sinceMs: 0 };
    for (const circuit of Object.values(this.#circuits)) circuit.answered();
  }

  #isOverdue(): boolean {
    if (this.#overdue.count === 0) return false;
    if (this.#clock.monotonicNow() - this.#overdue.sinceMs >= LOST_MS) this.distrust();
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
