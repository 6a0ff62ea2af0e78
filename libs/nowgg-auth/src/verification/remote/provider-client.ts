import type { NowggClock } from '../../clock.js';
import type { IdentityProvider, IdentityVerdict, UnknownVerdict } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import type { ResolvedNowggAuthOptions } from '../../options/options.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import { circuitState } from '../../events/state-events.js';
import {
  type Instant,
  VerificationResult,
  instantOf,
  NO_ANSWER,
  type VerificationRequest,
} from '../decision/verification-result.js';
import type { CallRate } from '../../resilience/call-rate.js';
import { Circuit } from '../../resilience/circuit.js';
import { deadlineOfCall } from '../../resilience/deadlines.js';
import type { ClientEvidence } from '../evidence/client-evidence.js';
import { ConnectionHealth } from './connection-health.js';
import { RequestAdmission } from './request-admission.js';
import { type Sent, SECOND_LOOK_MS } from '../evidence/refusal-evidence.js';

type ProviderClientOptions = Pick<
  ResolvedNowggAuthOptions['verification'],
  'timeoutMs' | 'maxInFlight' | 'circuit' | 'budget'
>;

const RENEWAL_PAUSED: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'over_rate' });

/** Whether a refusal may be about our client instead of the token. An expired token has a reason of its own. */
function isAmbiguous({
  reason,
  independentOfClient,
  isOwnFinding,
}: Extract<IdentityVerdict, { status: 'invalid' }>): boolean {
  return reason === 'invalid_token' && !independentOfClient && !isOwnFinding;
}

/** Window in which failures are compared with requests, in milliseconds. */
const CIRCUIT_WINDOW_MS = 5_000;
const FIRST_PAUSE_MS = 1_000;
/** Time for which a token without a clean answer is not asked about again, in milliseconds. */
const UNCLEAN_MS = 5_000;
/** Time for which the refusal of a token stays undecided until another canary may be asked, in milliseconds. */
const UNDECIDED_MS = 1_000;

/** Knowledge about our client and about tokens, in addition to the answers. */
interface ClientKnowledge {
  readonly evidence: ClientEvidence;
  /** The user for whom a token of this digest was accepted before. */
  readonly playerOf: (digest: string) => string | undefined;
}

/**
 * Client of one identity provider. It asks within the total deadline, pauses when the provider does not answer or asks
 * it to wait, and respects the limit of concurrent requests and the application's budget. {@link ClientEvidence} judges
 * whether a refusal is about the token, {@link ConnectionHealth} whether a failure is about the connection.
 */
export class ProviderClient {
  readonly #provider: IdentityProvider;
  readonly #options: ProviderClientOptions;
  readonly #circuit: Circuit;
  readonly #health: ConnectionHealth;
  readonly #knowledge: ClientKnowledge;
  readonly #clock: NowggClock;
  readonly #admission: RequestAdmission;

  constructor(
    provider: IdentityProvider,
    clock: NowggClock,
    options: ProviderClientOptions,
    knowledge: ClientKnowledge,
    rate?: CallRate,
  ) {
    this.#provider = provider;
    this.#clock = clock;
    this.#options = options;
    this.#knowledge = knowledge;
    const { openAfter, maxPauseMs } = options.circuit || { openAfter: Number.POSITIVE_INFINITY, maxPauseMs: 1 };
    this.#circuit = new Circuit(clock, {
      openAfter,
      windowMs: CIRCUIT_WINDOW_MS,
      firstPauseMs: Math.min(FIRST_PAUSE_MS, maxPauseMs),
      longestPauseMs: maxPauseMs,
      onChange: circuitState(clock, provider.name, 'verify'),
    });
    this.#health = new ConnectionHealth(knowledge.evidence, this.#circuit, clock, options.timeoutMs);
    this.#admission = new RequestAdmission(provider.name, clock, options, rate);
  }

  /** @param onSent called when the request is sent: from then on its answer may be older than what happens meanwhile */
  async ask(question: VerificationRequest, onSent?: () => void): Promise<VerificationResult> {
    const startedAt = this.#clock.monotonicNow();
    if (question.isRenewal && this.#health.payForRepeat()) {
      return new VerificationResult(RENEWAL_PAUSED, instantOf(this.#clock), 'miss');
    }
    // Checked before as well: a request that is not sent must neither wait nor use up the rate.
    const closedForMs = this.#circuit.closedForMs();
    if (closedForMs > 0) return notSentFor(closedForMs, instantOf(this.#clock));
    const admission = this.#admission.admit(question);
    const leave = admission instanceof Promise ? await admission : admission;
    // Read only when the request is about to be sent: it may have waited.
    const askedAt = instantOf(this.#clock);
    if (typeof leave !== 'function') return new VerificationResult(leave, askedAt, 'miss');
    // Checked last, because a request that passes may be a probe.
    const waitMs = this.#circuit.enter();
    if (waitMs > 0) {
      leave();
      return notSentFor(waitMs, askedAt);
    }
    onSent?.();
    const sent = this.#knowledge.evidence.sent();
    const leftMs = this.#options.timeoutMs - (askedAt.monotonicMs - startedAt);
    const verdict = await this.#verify(question, leftMs).finally(leave);
    const { verdict: judged, restMs } = await this.#judge(question, verdict, sent);
    return new VerificationResult(judged, askedAt, 'miss', restMs);
  }

  /** Sends a request, and once more if it failed fast: a request changes nothing at the identity system. */
  async #verify(question: VerificationRequest, leftMs: number): Promise<IdentityVerdict> {
    const { signal, end } = deadlineOfCall(leftMs);
    try {
      const first = await this.#attempt(question, signal);
      if (!first.mayRepeat || !this.#admission.mayRepeat(question)) return first.verdict;
      this.#health.repeated();
      return (await this.#attempt(question, signal)).verdict;
    } finally {
      end();
    }
  }

  async #attempt(question: VerificationRequest, signal: AbortSignal) {
    const startedAt = this.#clock.monotonicNow();
    const verdict = await this.#send(question, signal);
    return { verdict, mayRepeat: this.#health.mayRepeat(verdict, this.#clock.monotonicNow() - startedAt) };
  }

  async #send({ token, tokenType, jws }: VerificationRequest, signal: AbortSignal): Promise<IdentityVerdict> {
    try {
      return await this.#provider.verify(token, tokenType, signal, jws);
    } catch {
      return NO_ANSWER;
    }
  }

  /** @returns the verdict, and the time for which an `unknown` verdict applies to the same token */
  async #judge(
    question: VerificationRequest,
    verdict: IdentityVerdict,
    sent: Sent,
  ): Promise<{ readonly verdict: IdentityVerdict; readonly restMs: number }> {
    const { evidence, playerOf } = this.#knowledge;
    const player = playerOf(question.digest);
    if (verdict.status === 'unknown' && verdict.reason === 'own_credentials_suspect') {
      // A clean answer, but it is not known which of several secrets is accepted: a canary finds out.
      this.#health.answered();
      void evidence.askCanary();
      return { verdict: { ...verdict, retryAfterMs: UNDECIDED_MS }, restMs: UNDECIDED_MS };
    }
    if (verdict.status === 'unknown' && verdict.reason === 'misconfigured') {
      // The identity system answers. Its answer will not change before its registration of the client does.
      this.#health.answered();
      return { verdict, restMs: UNCLEAN_MS };
    }
    if (verdict.status === 'unknown') {
      this.#report(verdict.reason);
      const isOwn = this.#health.failed(verdict, player !== undefined);
      return { verdict, restMs: isOwn ? UNCLEAN_MS : 0 };
    }
    this.#health.answered();
    if (verdict.status === 'valid') evidence.accepted(question, verdict.facts, sent, player !== undefined);
    if (verdict.status === 'valid' || !isAmbiguous(verdict)) return { verdict, restMs: 0 };
    const ruling = await evidence.judge(question, player, sent);
    if (ruling === 'believed') return { verdict, restMs: 0 };
    if (ruling === 'once') {
      return {
        verdict: { status: 'unknown', reason: 'unconfirmed_refusal', retryAfterMs: SECOND_LOOK_MS },
        restMs: 0,
      };
    }
    const restMs = evidence.hasDoubt ? UNCLEAN_MS : UNDECIDED_MS;
    return { verdict: { status: 'unknown', reason: 'own_credentials_suspect', retryAfterMs: restMs }, restMs };
  }

  #report(reason: UnknownReason): void {
    if (reason === 'tls') publishSecurityEvent({ type: 'tls_failure', provider: this.#provider.name });
    if (reason === 'mismatched_reply') publishSecurityEvent({ type: reason, provider: this.#provider.name });
  }
}

function notSentFor(retryAfterMs: number, askedAt: Instant): VerificationResult {
  return new VerificationResult({ status: 'unknown', reason: 'circuit_open', retryAfterMs }, askedAt, 'miss');
}
