import type { EndpointName, Fault } from './faults/fault.js';

/** One call that the emulator received. Never holds a token, code or secret. */
export interface RecordedRequest {
  /** `unknown`: a path that is none of the four. */
  readonly endpoint: EndpointName | 'unknown';
  /** Emulator time, epoch milliseconds. */
  readonly at: number;
  readonly method?: string;
  /** Without its query; parts of an unknown path that are long enough for a secret are left out. */
  readonly path?: string;
  /** Of verify-token and token; `other` for a value that now.gg does not know. */
  readonly tokenType?: string;
  /** Of token; `other` for a value that now.gg does not know. */
  readonly grantType?: string;
  /** The fault that met the call, a delay apart. */
  readonly fault?: Fault['kind'];
  /** HTTP status of the reply; absent while there is none. */
  readonly status?: number;
  /** Real time from the request's head to the end of the reply, or of the connection. */
  readonly durationMs?: number;
  /** The connection ended before a reply did. */
  readonly cutOff?: true;
  /** `code` of the envelope that came of the call when it was carried out, also when its reply was lost. */
  readonly code?: string;
}

/** Which calls to count; an endpoint's name or any of the recorded fields. */
export type RequestFilter =
  | RecordedRequest['endpoint']
  | Partial<Pick<RecordedRequest, 'endpoint' | 'tokenType' | 'grantType' | 'fault' | 'status' | 'code' | 'cutOff'>>;

interface Waiter {
  readonly filter: RequestFilter | undefined;
  readonly count: number;
  readonly resolve: () => void;
}

/** A call in the log, while its outcome is still open. */
export type OpenRecord = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] };

/** The last calls, in the order of their arrival, and how many there were of each endpoint in all. */
export class RequestLog {
  static readonly capacity = 20_000;
  #entries: OpenRecord[] = [];
  #totals = new Map<string, number>();
  #added = 0;
  #waiters: Waiter[] = [];

  add(entry: RecordedRequest): OpenRecord {
    const kept = { ...entry };
    this.#entries.push(kept);
    this.#added += 1;
    // Cutting half a log's worth at a time keeps the cost of a call constant.
    if (this.#entries.length >= 2 * RequestLog.capacity) this.#entries.splice(0, RequestLog.capacity);
    this.#totals.set(entry.endpoint, (this.#totals.get(entry.endpoint) ?? 0) + 1);
    this.#wakeWaiters();
    return kept;
  }

  /** Notes what became of a call. */
  update(entry: OpenRecord, outcome: Partial<RecordedRequest>): void {
    Object.assign(entry, outcome);
    this.#wakeWaiters();
  }

  list(): readonly RecordedRequest[] {
    return this.#entries.slice(-RequestLog.capacity).map((entry) => ({ ...entry }));
  }

  /** The youngest calls, oldest first, each with its number among all since the start. */
  latest(limit: number): readonly (RecordedRequest & { readonly number: number })[] {
    const youngest = this.#entries.slice(-limit);
    const before = this.#added - youngest.length;
    return youngest.map((entry, index) => ({ number: before + index + 1, ...entry }));
  }

  /** Counts by endpoint are of all calls; by other fields, of the calls still in the log. */
  count(filter?: RequestFilter): number {
    if (filter === undefined) return [...this.#totals.values()].reduce((sum, total) => sum + total, 0);
    if (typeof filter === 'string') return this.#totals.get(filter) ?? 0;
    const fields = Object.entries(filter).filter(([, value]) => value !== undefined);
    const matches = (entry: RecordedRequest) =>
      fields.every(([name, value]) => entry[name as keyof RecordedRequest] === value);
    return this.#entries.slice(-RequestLog.capacity).filter(matches).length;
  }

  /** Resolves as soon as at least `count` such calls have arrived. */
  waitFor(filter: RequestFilter | undefined, count: number): Promise<void> {
    if (this.count(filter) >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ filter, count, resolve }));
  }

  clear(): void {
    this.#entries = [];
    this.#totals.clear();
  }

  #wakeWaiters(): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter(({ filter, count, resolve }) => {
      if (this.count(filter) < count) return true;
      resolve();
      return false;
    });
  }
}
