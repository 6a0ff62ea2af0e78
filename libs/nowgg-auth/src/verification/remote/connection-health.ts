import type { NowggClock } from '../../clock.js';
import { clampRetryAfter } from '../../errors.js';
import type { IdentityVerdict, UnknownVerdict } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import type { Circuit } from '../../resilience/circuit.js';
import type { ClientEvidence } from '../evidence/client-evidence.js';
import { RollingWindow } from '../../resilience/rolling-window.js';

/** Replies that are not a clean answer: they are about the token unless tokens accepted before get no better ones. */
const UNCLEAN: ReadonlySet<UnknownReason> = new Set([
  'server_error',
  'invalid_response',
  'redirect',
  'mismatched_reply',
]);
/** Failures that may end at once. */
const PASSING: ReadonlySet<UnknownReason> = new Set(['network', 'server_error']);
const WINDOW_MS = 10_000;
/** A failure within this share of the deadline counts as fast. */
const FAST = 0.1;
/** Above this share of fast failures only one of ten is repeated. */
const MOST_FAST_FAILURES = 0.8;
const REPEATS_OF_MANY = 10;
/** Minimum number of attempts for a meaningful share. */
const LEAST_ATTEMPTS = 10;
/** Maximum number of early renewals that are left out after an outage. */
const MOST_UNPAID_REPEATS = 1_000;

/**
 * Decides whether a request without an answer is due to the connection to the identity system or to the one token that
 * was asked about: only the former counts for the circuit. Otherwise a token that the identity system cannot process
 * would stop the requests about all others.
 */
export class ConnectionHealth {
  readonly #evidence: ClientEvidence;
  readonly #circuit: Circuit;
  readonly #clock: NowggClock;
  readonly #fastMs: number;
  /** Attempts, repeats included; a hit is one that failed fast. */
  readonly #attempts = new RollingWindow(WINDOW_MS);
  #failuresNotRepeated = 0;
  /** Repeats that no early renewal has paid for. */
  #unpaidRepeats = 0;
  /** Whether the last request about a token accepted before failed too. */
  #knownFail = false;

  constructor(evidence: ClientEvidence, circuit: Circuit, clock: NowggClock, timeoutMs: number) {
    this.#evidence = evidence;
    this.#circuit = circuit;
    this.#clock = clock;
    this.#fastMs = timeoutMs * FAST;
  }

  /** Records a clean answer, whatever it says about the token. */
  answered(): void {
    this.#knownFail = false;
    this.#circuit.answered();
  }

  /**
   * Records a request without a clean answer.
   *
   * @param isKnown whether the token was accepted before
   * @returns whether the failure is due to the token, as far as is known now
   */
  failed(verdict: UnknownVerdict, isKnown: boolean): boolean {
    const { reason } = verdict;
    if (reason === 'rate_limited') this.#holdOff(verdict);
    else if (reason === 'network' || reason === 'tls') this.#circuit.failed();
    else if (isKnown || this.#knownFail) this.#lineFailed(verdict);
    else void this.#askCanary(verdict);
    return UNCLEAN.has(reason) && !this.#knownFail;
  }

  /** Counts an attempt, and returns whether the request may be sent once more because this attempt failed fast. */
  mayRepeat(verdict: IdentityVerdict, tookMs: number): boolean {
    const failedFast =
      verdict.status === 'unknown' &&
      PASSING.has(verdict.reason) &&
      verdict.retryAfterMs === undefined &&
      tookMs <= this.#fastMs;
    const now = this.#clock.monotonicNow();
    this.#attempts.add(failedFast, now);
    if (!failedFast) return false;
    const { hits, total } = this.#attempts.counts(now);
    if (total < LEAST_ATTEMPTS || hits <= total * MOST_FAST_FAILURES) return true;
    this.#failuresNotRepeated = (this.#failuresNotRepeated + 1) % REPEATS_OF_MANY;
    return this.#failuresNotRepeated === 0;
  }

  /** Records that a request was repeated. */
  repeated(): void {
    this.#unpaidRepeats = Math.min(MOST_UNPAID_REPEATS, this.#unpaidRepeats + 1);
  }

  /** Whether an early renewal must be left out, so that repeats do not add to the number of calls. */
  payForRepeat(): boolean {
    if (this.#unpaidRepeats === 0) return false;
    this.#unpaidRepeats -= 1;
    return true;
  }

  /** Asks about a token accepted before. If there is no such token, silence counts as a fault of the connection. */
  async #askCanary(verdict: UnknownVerdict): Promise<void> {
    switch (await this.#evidence.askCanary()) {
      case 'accepted':
      case 'refused':
      case 'expired':
        this.answered();
        return;
      case 'none':
        if (!UNCLEAN.has(verdict.reason)) this.#circuit.failed();
        return;
      case 'undecided':
        this.#lineFailed(verdict);
    }
  }

  #lineFailed(verdict: UnknownVerdict): void {
    this.#knownFail = true;
    if (verdict.reason === 'server_error' && verdict.retryAfterMs !== undefined) this.#holdOff(verdict);
    else this.#circuit.failed();
  }

  #holdOff({ retryAfterMs }: UnknownVerdict): void {
    this.#circuit.holdOff(clampRetryAfter((retryAfterMs ?? 0) / 1000) * 1000);
  }
}
