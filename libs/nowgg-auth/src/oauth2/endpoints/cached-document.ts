import type { NowggClock } from '../../clock.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { publishSecurityEvent } from '../../events/security-events.js';

/** What a fetch of the document came to. */
export type Loading<T> =
  | { readonly status: 'loaded'; readonly value: T }
  | { readonly status: 'failed'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

/**
 * What lacked something: a token that a stranger may have sent, or a reply of the identity system itself. Each has its own
 * cool-down, so that strangers' tokens do not use up the fetch that a sign-in needs.
 */
export type MissCause = 'token' | 'reply';

export interface LastingDocumentOptions<T> {
  /** For events only. */
  readonly provider: string;
  readonly clock: NowggClock;
  /** Fetches the document. */
  readonly load: (signal: AbortSignal) => Promise<Loading<T>>;
  /** How long it serves while it cannot be fetched again, milliseconds. Default without an end. */
  readonly maxStaleMs?: number;
}

/** Older than this it is fetched again, while the old one goes on serving. */
const RENEW_AFTER_MS = 300_000;
/** Older than this a caller waits for the new one, unless the last try failed. */
const WAIT_AFTER_MS = 600_000;
/** Least time between two fetches that a miss caused, and the longest pause after a failure. */
export const COOL_DOWN_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
/** Real time: the deadline is the socket's. */
const FETCH_TIMEOUT_MS = 5_000;
const NONSENSE: Loading<never> = { status: 'failed', reason: 'invalid_response' };

/**
 * A document of the identity system that is needed often and changes seldom: its metadata, its keys. Fetched when it is
 * first needed, once for all who wait, and renewed in the background. An outage costs nothing but news: the old one goes
 * on serving for `maxStaleMs`, and the pauses between tries grow to half a minute.
 */
export class CachedDocument<T> {
  readonly #options: LastingDocumentOptions<T>;
  #value: T | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** Number of the fetch that brought the value. */
  #valueFetch = 0;
  #fetches = 0;
  #flight: Promise<Loading<T>> | undefined;
  #failures = 0;
  /** Why the last fetch failed; only read while {@link #failures} is not 0. */
  #lastFailure: UnknownReason = 'network';
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** When a miss last caused a fetch. */
  readonly #missedAt: Record<MissCause, number> = {
    token: Number.NEGATIVE_INFINITY,
    reply: Number.NEGATIVE_INFINITY,
  };

  readonly #maxStaleMs: number;

  constructor(options: LastingDocumentOptions<T>) {
    this.#options = options;
    this.#maxStaleMs = options.maxStaleMs ?? Number.POSITIVE_INFINITY;
  }

  /** The document if it is at hand and young enough to serve without any question. */
  peek(): T | undefined {
    return this.#now - this.#loadedAt < Math.min(RENEW_AFTER_MS, this.#maxStaleMs) ? this.#value : undefined;
  }

  /** The document; waits only when there is none, or none that may serve unasked. `signal` ends the wait, not the fetch. */
  async get(signal: AbortSignal): Promise<Loading<T>> {
    const ageMs = this.#now - this.#loadedAt;
    const value = this.#value;
    if (value === undefined || ageMs >= this.#maxStaleMs) return this.#fetch(signal);
    if (ageMs >= WAIT_AFTER_MS && this.#failures === 0) {
      const renewed = await this.#fetch(signal);
      return renewed.status === 'loaded' ? renewed : { status: 'loaded', value };
    }
    if (ageMs >= RENEW_AFTER_MS && this.#now >= this.#pausedUntil) void this.#start();
    return { status: 'loaded', value };
  }

  /**
   * Looks for a newer document after the present one lacked something: fetches at most once per cool-down
   * and cause.
   *
   * @param cause what lacked something
   * @param seen the document that lacked it
   * @param since {@link fetches} when the caller came
   * @returns undefined when a document that was requested after the caller came lacks it too; `failed` with reason
   *   `unknown_key` when that cannot be said yet, because the last fetch was too recent
   */
  async refetchAfterMiss(
    cause: MissCause,
    seen: T,
    since: number,
    signal: AbortSignal,
  ): Promise<Loading<T> | undefined> {
    const value = this.#value;
    if (value !== undefined && value !== seen) return { status: 'loaded', value };
    if (this.#valueFetch > since) return undefined;
    if (this.#flight === undefined) {
      const cooledDownAt = this.#missedAt[cause] + COOL_DOWN_MS;
      if (this.#now < Math.max(cooledDownAt, this.#pausedUntil)) return this.#paused(cooledDownAt);
      this.#missedAt[cause] = this.#now;
    }
    return this.#fetch(signal);
  }

  /** How many fetches have been started. */
  get fetches(): number {
    return this.#fetches;
  }

  get #now(): number {
    return this.#options.clock.monotonicNow();
  }

  async #fetch(signal: AbortSignal): Promise<Loading<T>> {
    if (!this.#flight && this.#now < this.#pausedUntil) return this.#paused();
    return Promise.race([this.#start(), timeoutOf(signal)]);
  }

  #start(): Promise<Loading<T>> {
    this.#flight ??= this.#load().finally(() => {
      this.#flight = undefined;
    });
    return this.#flight;
  }

  async #load(): Promise<Loading<T>> {
    const sentAt = this.#now;
    this.#fetches += 1;
    const loading: Loading<T> = await this.#options.load(AbortSignal.timeout(FETCH_TIMEOUT_MS)).catch(() => NONSENSE);
    if (loading.status === 'loaded') {
      this.#value = loading.value;
      this.#valueFetch = this.#fetches;
      this.#loadedAt = sentAt;
      this.#failures = 0;
      this.#pausedUntil = Number.NEGATIVE_INFINITY;
      return loading;
    }
    this.#failures += 1;
    this.#lastFailure = loading.reason;
    const pauseMs = Math.max(loading.retryAfterMs ?? 0, FIRST_PAUSE_MS * 2 ** (this.#failures - 1));
    this.#pausedUntil = this.#now + Math.min(pauseMs, COOL_DOWN_MS);
    if (loading.reason === 'tls') publishSecurityEvent({ type: 'tls_failure', provider: this.#options.provider });
    return loading;
  }

  #paused(notBefore = Number.NEGATIVE_INFINITY): Loading<T> {
    const retryAfterMs = Math.max(0, Math.max(this.#pausedUntil, notBefore) - this.#now);
    return { status: 'failed', reason: this.#failures === 0 ? 'unknown_key' : this.#lastFailure, retryAfterMs };
  }
}

type Timeout = Promise<{ readonly status: 'failed'; readonly reason: 'timeout' }>;

/** One listener for each signal, because many who wait may share one. */
const timeouts = new WeakMap<AbortSignal, Timeout>();

function timeoutOf(signal: AbortSignal): Timeout {
  const timeout = timeouts.get(signal) ?? untilAborted(signal);
  timeouts.set(signal, timeout);
  return timeout;
}

async function untilAborted(signal: AbortSignal): Timeout {
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
  return { status: 'failed', reason: 'timeout' };
}
