import type { NowggClock } from '../clock.js';
import { clampRetryAfter } from '../errors.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import type { ResolvedNowggAuthOptions } from '../options.js';
import type { TokenType } from '../principal.js';
import { publishSecurityEvent, type NowggSecurityEvent } from '../security-events.js';
import { Answer } from './answer.js';
import { Circuit } from './circuit.js';
import { QuestionAdmission } from './question-admission.js';
import { OwnCredentials } from './own-credentials.js';
import { instantOf } from './verdict-cache.js';

/** A question to an identity system. */
export interface Question {
  /** Digest of the token: tells tokens apart without holding one. */
  readonly digest: string;
  readonly token: string;
  readonly tokenType: TokenType;
  /** A well-formed JWS; its `exp` and `aud` were found good. */
  readonly looksGood: boolean;
  /** This process has accepted the token before, for {@link player}. */
  readonly known?: boolean;
  readonly player?: string | undefined;
  /** What the application says the request's source is. */
  readonly source?: string | undefined;
}

type Unknown = Extract<IdentityVerdict, { status: 'unknown' }>;

/** Providers answer with values. One that throws has not said no, and its error may carry what it sent. */
export const NO_ANSWER: Unknown = Object.freeze({ status: 'unknown', reason: 'nonsense' });
export type LineOptions = Pick<
  ResolvedNowggAuthOptions['verification'],
  'timeoutMs' | 'maxInFlight' | 'circuit' | 'budget'
>;

/**
 * The line to one identity provider: asks under the total deadline, spares a provider that is silent or told us to wait,
 * keeps to a number of questions at a time and to the application's budget, and turns a refusal into `unknown` while
 * our own credentials are in doubt.
 */
export class IdentityLine {
  readonly #provider: IdentityProvider;
  readonly #options: LineOptions;
  readonly #circuit: Circuit;
  readonly #ownCredentials: OwnCredentials;
  readonly #clock: NowggClock;
  readonly #admission: QuestionAdmission;

  constructor(provider: IdentityProvider, clock: NowggClock, options: LineOptions) {
    this.#provider = provider;
    this.#clock = clock;
    this.#options = options;
    const { openAfter, maxPauseMs } = options.circuit || { openAfter: Number.POSITIVE_INFINITY, maxPauseMs: 0 };
    this.#circuit = new Circuit(clock, {
      openAfter,
      firstPauseMs: Math.min(1_000, maxPauseMs),
      longestPauseMs: maxPauseMs,
      probeMs: options.timeoutMs,
    });
    this.#ownCredentials = new OwnCredentials(clock);
    this.#admission = new QuestionAdmission(provider.name, clock, options);
  }

  async ask(question: Question): Promise<Answer> {
    const startedAt = this.#clock.monotonicNow();
    const admission = this.#admission.admit(question);
    const leave = admission instanceof Promise ? await admission : admission;
    // Not before it is sent: it may have waited.
    const askedAt = instantOf(this.#clock);
    if (typeof leave !== 'function') return new Answer(leave, askedAt, 'miss');
    try {
      // Last, because a question that passes it may be the only probe.
      const waitMs = this.#circuit.enter();
      if (waitMs > 0) {
        return new Answer({ status: 'unknown', reason: 'circuit_open', retryAfterMs: waitMs }, askedAt, 'miss');
      }
      const leftMs = this.#options.timeoutMs - (askedAt.monotonicMs - startedAt);
      return new Answer(this.#digest(question, await this.#verify(question, leftMs)), askedAt, 'miss');
    } finally {
      leave();
    }
  }

  async #verify({ token, tokenType }: Question, leftMs: number): Promise<IdentityVerdict> {
    try {
      return await this.#provider.verify(token, tokenType, AbortSignal.timeout(Math.max(1, Math.ceil(leftMs))));
    } catch {
      return NO_ANSWER;
    }
  }

  #digest(question: Question, verdict: IdentityVerdict): IdentityVerdict {
    if (verdict.status === 'unknown') return this.#noteFailure(verdict);
    this.#circuit.answered();
    if (verdict.status === 'valid') this.#ownCredentials.accepted();
    if (verdict.status === 'valid' || verdict.reason !== 'invalid_token') return verdict;
    if (verdict.definite || verdict.finding) return verdict;
    if (question.looksGood) this.#ownCredentials.refusedThoughItLookedGood(question.digest);
    if (!this.#ownCredentials.suspect) return verdict;
    this.#report('own_credentials_suspect');
    return { status: 'unknown', reason: 'own_credentials_suspect' };
  }

  #noteFailure(verdict: Unknown): Unknown {
    const { reason, retryAfterMs } = verdict;
    if (reason === 'rate_limited' || (reason === 'server_error' && retryAfterMs !== undefined)) {
      this.#circuit.holdOff(clampRetryAfter((retryAfterMs ?? 0) / 1000) * 1000);
    } else this.#circuit.failed();
    if (reason === 'tls') this.#report('tls_failure');
    if (reason === 'mismatched_reply') this.#report('mismatched_reply');
    return verdict;
  }

  #report(type: NowggSecurityEvent['type']): void {
    publishSecurityEvent({ type, provider: this.#provider.name });
  }
}
