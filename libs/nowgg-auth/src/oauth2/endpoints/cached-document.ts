import type { NowggClock } from '../../clock.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { publishSecurityEvent } from '../../events/security-events.js';

/** The result of fetching the document. */
export type Loading<T> =
  | { readonly status: 'loaded'; readonly value: T }
  | { readonly status: 'failed'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

/**
 * The cause of a miss: a token, which an attacker may have sent, or a reply of the identity system itself. Each has its
 * own cool-down, so that an attacker's tokens do not use up the fetch that a sign-in needs.
 */
export type MissCause = 'token' | 'reply';

interface CachedDocumentOptions<T> {
  /** For events only. */
  readonly provider: string;
  readonly clock: NowggClock;
  /** Fetches the document. */
  readonly load: (signal: AbortSignal) => Promise<Loading<T>>;
  /** Time for which the document is used while it cannot be fetched again, in milliseconds. Default unlimited. */
  readonly maxStaleMs?: number;
}

/** An older document is fetched again in the background, while the old one is still used. */
const RENEW_AFTER_MS = 300_000;
/** With an older document the caller waits for a new one, unless the last attempt failed. */
const WAIT_AFTER_MS = 600_000;
/** Minimum time between two fetches that a miss caused, and the longest pause after a failure. */
export const COOL_DOWN_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
/** In real time, because it is the deadline of a socket. */
const FETCH_TIMEOUT_MS = 5_000;
const NONSENSE: Loading<never> = { status: 'failed', reason: 'invalid_response' };

/**
 * A document of the identity system that is often needed and rarely changes: its metadata or its keys. Fetched when it
 * is first needed, with one request for all concurrent callers, and renewed in the background. In an outage the old
 * document is used for `maxStaleMs`, and the pauses between attempts grow to half a minute.
 */
export class CachedDocument<T> {
  readonly #options: CachedDocumentOptions<T>;
  #value: T | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** Number of the fetch that brought the value. */
  #valueFetch = 0;
  #fetches = 0;
  #flight: Promise<Loading<T>> | undefined;
  #failures = 0;
  /** Reason why the last fetch failed; only read while {@link #failures} is not 0. */
  #lastFailure: UnknownReason = 'network';
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** Time at which a miss last caused a fetch. */
  readonly #missedAt: Record<MissCause, number> = {
    token: Number.NEGATIVE_INFINITY,
    reply: Number.NEGATIVE_INFINITY,
  };

  readonly #maxStaleMs: number;

  constructor(options: CachedDocumentOptions<T>) {
    this.#options = options;
    this.#maxStaleMs = options.maxStaleMs ?? Number.POSITIVE_INFINITY;
  }

  /** The cached document if it is young enough to be used without a request. */
  peek(): T | undefined {
    return this.#now - this.#loadedAt < Math.min(RENEW_AFTER_MS, this.#maxStaleMs) ? this.#value : undefined;
  }

  /** Returns the document. Waits only without one that is young enough. `signal` ends the wait, not the fetch. */
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
   * Gets a newer document after a caller missed something in the current one. Fetches at most once per cool-down and
   * cause.
   *
   * @param cause the cause of the miss
   * @param seen the document in which it was missing
   * @param since the value of {@link fetches} when the caller started
   * @returns undefined when it is also missing in a document that was requested after the caller started; `failed` with
   *   reason `unknown_key` when this is not known yet, because the last fetch was too recent
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

  /** Number of fetches that have been started. */
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

/** One listener for each signal, because many waiting callers may share a signal. */
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
