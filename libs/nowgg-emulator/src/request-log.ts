import type { EndpointName, Fault } from './faults/fault.js';

/** One call that the emulator received. Never holds a token, code or secret. */
export interface RecordedRequest {
  /** `unknown`: a path other than the four. */
  readonly endpoint: EndpointName | 'unknown';
  /** Emulator time, in epoch milliseconds. */
  readonly at: number;
  readonly method?: string;
  /** Path without the query; parts of an unknown path that are long enough for a secret are left out. */
  readonly path?: string;
  /** `token_type` of verify-token and token; `other` for a value that now.gg does not know. */
  readonly tokenType?: string;
  /** `grant_type` of token; `other` for a value that now.gg does not know. */
  readonly grantType?: string;
  /** `User-Agent` of the call, which tells backends apart; the first 100 characters, without long parts. */
  readonly userAgent?: string;
  /**
   * Calls of token: the player whose code or refresh token was presented, whether or not it was still valid. Calls of
   * verify-token: the player of an accepted token.
   */
  readonly userId?: string;
  /** Calls of token: that code or refresh token, by the `id` that it has in `issued`. */
  readonly presented?: string;
  /** Calls of token: the ids of what was handed out, even if the reply was lost. */
  readonly issued?: { readonly token: string; readonly refreshToken?: string };
  /** The fault that applied to the call, other than a delay. */
  readonly fault?: Fault['kind'];
  /** HTTP status of the reply; absent while there is none. */
  readonly status?: number;
  /** Real time from the request's head to the end of the reply or of the connection, in milliseconds. */
  readonly durationMs?: number;
  /** The connection ended before the reply was complete. */
  readonly cutOff?: true;
  /** `code` of the envelope that the call produced when it was carried out, even if the reply was lost. */
  readonly code?: string;
}

/** Filter for calls: an endpoint's name or any of the recorded fields. */
export type RequestFilter =
  | RecordedRequest['endpoint']
  | Partial<
      Pick<
        RecordedRequest,
        | 'endpoint'
        | 'tokenType'
        | 'grantType'
        | 'userAgent'
        | 'userId'
        | 'presented'
        | 'fault'
        | 'status'
        | 'code'
        | 'cutOff'
      >
    >;

interface Waiter {
  readonly filter: RequestFilter | undefined;
  readonly count: number;
  readonly resolve: () => void;
}

/** A call in the log whose outcome is not yet known. */
export type OpenRecord = { -readonly [K in keyof RecordedRequest]: RecordedRequest[K] };

/** The last calls, in order of arrival, and the total number of calls per endpoint. */
export class RequestLog {
  readonly #capacity: number;
  #entries: OpenRecord[] = [];
  #totals = new Map<string, number>();
  #added = 0;
  #waiters: Waiter[] = [];

  /** @param capacity number of calls to keep */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(entry: RecordedRequest): OpenRecord {
    const kept = { ...entry };
    this.#entries.push(kept);
    this.#added += 1;
    // Removing half of the entries at a time keeps the cost of a call constant.
    if (this.#entries.length >= 2 * this.#capacity) this.#entries.splice(0, this.#capacity);
    this.#totals.set(entry.endpoint, (this.#totals.get(entry.endpoint) ?? 0) + 1);
    this.#wakeWaiters();
    return kept;
  }

  /** Records the outcome of a call. */
  update(entry: OpenRecord, outcome: Partial<RecordedRequest>): void {
    Object.assign(entry, outcome);
    this.#wakeWaiters();
  }

  list(): readonly RecordedRequest[] {
    return this.#entries.slice(-this.#capacity).map((entry) => ({ ...entry }));
  }

  /** The latest calls, oldest first, each with its number among all calls since the start. */
  latest(limit: number): readonly (RecordedRequest & { readonly number: number })[] {
    const youngest = this.#entries.slice(-limit);
    const before = this.#added - youngest.length;
    return youngest.map((entry, index) => ({ number: before + index + 1, ...entry }));
  }

  /** Counts calls: by endpoint, all of them; by other fields, those still in the log. */
  count(filter?: RequestFilter): number {
    if (filter === undefined) return [...this.#totals.values()].reduce((sum, total) => sum + total, 0);
    if (typeof filter === 'string') return this.#totals.get(filter) ?? 0;
    const fields = Object.entries(filter).filter(([, value]) => value !== undefined);
    const matches = (entry: RecordedRequest) =>
      fields.every(([name, value]) => entry[name as keyof RecordedRequest] === value);
    return this.#entries.slice(-this.#capacity).filter(matches).length;
  }

  /** Resolves as soon as at least `count` matching calls have arrived. */
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
