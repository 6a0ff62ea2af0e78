import type { NowggClock } from '../../../clock.js';
import {
  type ClientOutcomes,
  type ClientSecret,
  type ClientStanding,
  COUNTED_MS,
  REFUSALS_OF_DOUBT,
} from '../client-standing.js';

interface ClientRow extends ClientSecret {
  succeededAtMs?: number | undefined;
  recoveredAtMs?: number | undefined;
  attemptAtMs?: number | undefined;
  refusals: number;
}

interface ClientCount extends ClientSecret {
  readonly atMs: number;
  readonly firstSuccesses: number;
  readonly firstRefusals: number;
}

/** What the memory store knows about client secrets. */
export class MemoryClients {
  readonly #clock: NowggClock;
  readonly #rows = new Map<string, ClientRow>();
  #counts: ClientCount[] = [];

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /** See `TokenStore.addClientOutcomes`. */
  add({ clientKey, secret, succeededAtMs, refusals, firstSuccesses, firstRefusals }: ClientOutcomes): void {
    const now = this.#clock.now();
    const row = this.#row({ clientKey, secret });
    if (succeededAtMs === undefined) row.refusals += refusals;
    else {
      if (row.refusals >= REFUSALS_OF_DOUBT) row.recoveredAtMs = now;
      row.succeededAtMs = Math.max(succeededAtMs, row.succeededAtMs ?? succeededAtMs);
      row.refusals = refusals;
    }
    if (firstSuccesses + firstRefusals === 0) return;
    this.#counts = this.#counts.filter(({ atMs }) => atMs > now - COUNTED_MS);
    this.#counts.push({ clientKey, secret, atMs: now, firstSuccesses, firstRefusals });
  }

  /** See `TokenStore.findClientStanding`. */
  standing(client: ClientSecret): ClientStanding {
    const now = this.#clock.now();
    const { succeededAtMs, recoveredAtMs, refusals } = this.#row(client);
    const others = [...this.#rows.values()].filter(
      ({ clientKey, secret }) => clientKey === client.clientKey && secret !== client.secret,
    );
    const otherTimes = others.flatMap((other) => other.succeededAtMs ?? []);
    const counts = this.#counts.filter(
      ({ clientKey, secret, atMs }) =>
        clientKey === client.clientKey && secret === client.secret && atMs > now - COUNTED_MS,
    );
    const sum = (of: 'firstSuccesses' | 'firstRefusals') => counts.reduce((total, count) => total + count[of], 0);
    return {
      readAtMs: now,
      succeededAtMs,
      otherSucceededAtMs: otherTimes.length === 0 ? undefined : Math.max(...otherTimes),
      refusals,
      recoveredAtMs,
      firstSuccesses: sum('firstSuccesses'),
      firstRefusals: sum('firstRefusals'),
    };
  }

  /** See `TokenStore.takeDesignatedAttempt`. */
  takeAttempt(client: ClientSecret, everyMs: number): boolean {
    const row = this.#row(client);
    const now = this.#clock.now();
    if (row.attemptAtMs !== undefined && row.attemptAtMs > now - everyMs) return false;
    row.attemptAtMs = now;
    return true;
  }

  /** See `TokenStore.sweepClientCounts`. */
  sweepCounts(): number {
    const before = this.#counts.length;
    this.#counts = this.#counts.filter(({ atMs }) => atMs > this.#clock.now() - COUNTED_MS);
    return before - this.#counts.length;
  }

  /** @returns a function that restores the state as it is now, as a failover to an older replica does */
  snapshot(): () => void {
    const rows = [...this.#rows].map(([key, row]) => [key, { ...row }] as const);
    const counts = this.#counts;
    return () => {
      this.#rows.clear();
      for (const [key, row] of rows) this.#rows.set(key, { ...row });
      this.#counts = counts;
    };
  }

  #row({ clientKey, secret }: ClientSecret): ClientRow {
    const key = JSON.stringify([clientKey, secret]);
    const row = this.#rows.get(key) ?? { clientKey, secret, refusals: 0 };
    this.#rows.set(key, row);
    return row;
  }
}
