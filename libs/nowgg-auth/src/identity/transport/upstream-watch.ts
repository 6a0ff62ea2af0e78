import type { NowggClock } from '../../clock.js';
import { callChannel, type NowggCallEvent } from '../../events/call-events.js';
import { TrackedState } from '../../events/state-events.js';
import { RollingWindow } from '../../resilience/rolling-window.js';
import { IdentityHttp, type IdentityHttpOutcome, type IdentityHttpRequest } from '../identity-http.js';

/** Window over which failed calls are compared with all calls, in milliseconds. */
const WINDOW_MS = 10_000;
/** Failures in a row after which the identity system counts as unavailable while other calls were answered lately. */
const MANY = 3;

/** Calls of this process to one identity system, from what it did anyway: no call is made to find out. */
export interface UpstreamStatistics {
  /** Calls in the last ten seconds. */
  readonly calls: number;
  /** Those of them without a usable reply. */
  readonly failed: number;
  /** Whether calls fail at present, see the state `identity_unavailable`. */
  readonly isUnavailable: boolean;
}

/**
 * Watches the calls to one identity system: publishes each, and tells when the system can no longer be asked and when it
 * can again. A reply below 500 other than a redirect or a 429 shows that it can.
 */
export class UpstreamWatch {
  readonly #provider: string;
  readonly #clock: NowggClock;
  readonly #window = new RollingWindow(WINDOW_MS);
  readonly #state: TrackedState;
  #failuresInRow = 0;
  #answeredAtMs = Number.NEGATIVE_INFINITY;

  constructor(provider: string, clock: NowggClock) {
    this.#provider = provider;
    this.#clock = clock;
    this.#state = new TrackedState(clock, 'identity_unavailable', provider);
  }

  /** The HTTP client for the provider. */
  over(http: IdentityHttp): IdentityHttp {
    return new WatchedIdentityHttp(http, this.#clock, (request, outcome, durationMs) =>
      this.#note(request, outcome, durationMs),
    );
  }

  read(): UpstreamStatistics {
    const { hits, total } = this.#window.counts(this.#clock.monotonicNow());
    return { calls: total, failed: hits, isUnavailable: this.#state.isActive };
  }

  close(): void {
    this.#state.drop();
  }

  #note(request: NamedRequest, outcome: IdentityHttpOutcome, durationMs: number): void {
    const operation = request.purpose ?? 'other';
    const status = statusOf(outcome);
    const cause = outcome.status === 'failed' ? (outcome.code ?? outcome.reason) : undefined;
    if (callChannel.isHeard) {
      const bytes = outcome.status === 'reply' ? (outcome.body?.byteLength ?? 0) : 0;
      callChannel.publish({
        provider: this.#provider,
        operation,
        status,
        ...(cause !== undefined && { cause }),
        durationMs,
        bytes,
      });
    }
    const fails = status !== '2xx' && status !== '4xx';
    const now = this.#clock.monotonicNow();
    this.#window.add(fails, now);
    if (fails) this.#failed(operation, cause ?? `status ${outcome.status === 'reply' ? outcome.statusCode : 'none'}`);
    else this.#answered(now);
  }

  #failed(operation: string, cause: string): void {
    this.#failuresInRow += 1;
    const wasAnsweredLately = this.#clock.monotonicNow() - this.#answeredAtMs < WINDOW_MS;
    if (!wasAnsweredLately || this.#failuresInRow >= MANY) this.#state.begin(`${operation}: ${cause}`);
  }

  #answered(now: number): void {
    this.#failuresInRow = 0;
    this.#answeredAtMs = now;
    if (!this.#state.isActive) return;
    const { hits, total } = this.#window.counts(now);
    // While half of the calls fail, one answer does not end it.
    if (hits * 2 < total || total <= MANY) this.#state.end();
  }
}

/** The {@link UpstreamWatch} of every identity provider of a module. */
export class UpstreamWatches {
  readonly #clock: NowggClock;
  readonly #byName = new Map<string, UpstreamWatch>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  of(provider: string): UpstreamWatch {
    const watch = this.#byName.get(provider) ?? new UpstreamWatch(provider, this.#clock);
    this.#byName.set(provider, watch);
    return watch;
  }

  close(): void {
    for (const watch of this.#byName.values()) watch.close();
  }
}

type NamedRequest = Pick<IdentityHttpRequest, 'purpose'>;

class WatchedIdentityHttp extends IdentityHttp {
  readonly #http: IdentityHttp;
  readonly #clock: NowggClock;
  readonly #note: (request: NamedRequest, outcome: IdentityHttpOutcome, durationMs: number) => void;

  constructor(
    http: IdentityHttp,
    clock: NowggClock,
    note: (request: NamedRequest, outcome: IdentityHttpOutcome, durationMs: number) => void,
  ) {
    super();
    this.#http = http;
    this.#clock = clock;
    this.#note = note;
  }

  override async send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    const startedAtMs = this.#clock.monotonicNow();
    const outcome = await this.#http.send(request);
    this.#note(request, outcome, this.#clock.monotonicNow() - startedAtMs);
    return outcome;
  }
}

function statusOf(outcome: IdentityHttpOutcome): NowggCallEvent['status'] {
  if (outcome.status === 'failed') return 'none';
  const { statusCode } = outcome;
  if (statusCode === 429) return '429';
  if (statusCode >= 500) return '5xx';
  if (statusCode >= 400) return '4xx';
  return statusCode >= 300 ? '3xx' : '2xx';
}
