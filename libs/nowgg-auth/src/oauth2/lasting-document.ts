import type { NowggClock } from '../clock.js';
import type { UnknownReason } from '../identity/reasons.js';
import { publishSecurityEvent } from '../security-events.js';

/** What a fetch of the document came to. */
export type Loading<T> =
  | { readonly status: 'loaded'; readonly value: T }
  | { readonly status: 'failed'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

export interface LastingDocumentOptions<T> {
  /** For events only. */
  readonly provider: string;
  readonly clock: NowggClock;
  /** Fetches the document. */
  readonly load: (signal: AbortSignal) => Promise<Loading<T>>;
}

/** Older than this it is fetched again, while the old one goes on serving. */
const RENEW_AFTER_MS = 300_000;
/** Older than this whoever needs it waits for the new one, unless the last try failed. */
const WAIT_AFTER_MS = 600_000;
/** Least time between two fetches that somebody's miss caused, and the longest pause after a failure. */
export const COOL_DOWN_MS = 30_000;
const FIRST_PAUSE_MS = 1_000;
/** Real time: the deadline is the socket's. */
const FETCH_TIMEOUT_MS = 5_000;
const NONSENSE: Loading<never> = { status: 'failed', reason: 'nonsense' };

/**
 * A document of the identity system that is needed often and changes seldom: its metadata, its keys. Fetched when it is
 * first needed and not before, once for all who wait, and renewed in the background. An outage costs nothing but news:
 * the old one goes on serving, and the pauses between tries grow to half a minute.
 */
export class LastingDocument<T> {
  readonly #options: LastingDocumentOptions<T>;
  #value: T | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** Number of the fetch that brought the value. */
  #valueFetch = 0;
  #fetches = 0;
  #flight: Promise<Loading<T>> | undefined;
  #failures = 0;
  #lastFailure: UnknownReason = 'network';
  #pausedUntil = Number.NEGATIVE_INFINITY;
  #missedAt = Number.NEGATIVE_INFINITY;

  constructor(options: LastingDocumentOptions<T>) {
    this.#options = options;
  }

  /** The document if it is at hand and young enough to serve without any question. */
  peek(): T | undefined {
    return this.#now - this.#loadedAt < RENEW_AFTER_MS ? this.#value : undefined;
  }

  /** The document; waits only when there is none, or none that may serve unasked. `signal` ends the wait, not the fetch. */
  async get(signal: AbortSignal): Promise<Loading<T>> {
    const ageMs = this.#now - this.#loadedAt;
    const value = this.#value;
    if (value === undefined) return this.#fetch(signal);
    if (ageMs >= WAIT_AFTER_MS && this.#failures === 0) {
      const renewed = await this.#fetch(signal);
      return renewed.status === 'loaded' ? renewed : { status: 'loaded', value };
    }
    if (ageMs >= RENEW_AFTER_MS && this.#now >= this.#pausedUntil) void this.#start();
    return { status: 'loaded', value };
  }

  /**
   * For somebody who did not find in it what he looked for: fetches anew, at most once per cool-down.
   * @param since {@link fetches} before he looked
   * @returns undefined when it is certain or was just found out that there is nothing newer
   */
  async renewForMiss(since: number, signal: AbortSignal): Promise<Loading<T> | undefined> {
    if (this.#valueFetch > since) return undefined;
    if (this.#flight === undefined) {
      const cooledDownAt = this.#missedAt + COOL_DOWN_MS;
      if (this.#now < cooledDownAt && this.#failures === 0) return undefined;
      if (this.#now < Math.max(cooledDownAt, this.#pausedUntil)) return this.#paused(cooledDownAt);
      this.#missedAt = this.#now;
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
    return { status: 'failed', reason: this.#lastFailure, retryAfterMs };
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
