import type { NowggClock } from '../clock.js';
import { clampRetryAfter } from '../errors.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import type { ResolvedNowggAuthOptions } from '../options.js';
import type { TokenType } from '../principal.js';
import { publishSecurityEvent, type NowggSecurityEvent } from '../security-events.js';
import { Circuit } from './circuit.js';
import { isBearerToken } from './gate.js';
import { OwnCredentials } from './own-credentials.js';

/** A question to an identity system. */
export interface Question {
  /** Digest of the token: tells tokens apart without holding one. */
  readonly digest: string;
  readonly token: string;
  readonly tokenType: TokenType;
  /** A well-formed JWS; its `exp` and `aud` were found good. */
  readonly looksGood: boolean;
  /** Answered by computing, not by a call: nothing here limits it, and it tells nothing about the line. */
  readonly local?: boolean;
}

type Unknown = Extract<IdentityVerdict, { status: 'unknown' }>;
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
  #underway = 0;
  #shared: { readonly signal: AbortSignal; readonly madeAt: number } | undefined;

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
  }

  ask(question: Question): Promise<IdentityVerdict> {
    return question.local ? this.#judgeHere(question) : this.#askThere(question);
  }

  async #askThere(question: Question): Promise<IdentityVerdict> {
    const obstacle = this.#obstacle(question);
    if (obstacle) return obstacle;
    this.#underway += 1;
    try {
      return this.#digest(question, await this.#verify(question));
    } finally {
      this.#underway -= 1;
    }
  }

  async #judgeHere(question: Question): Promise<IdentityVerdict> {
    const verdict = await this.#verify(question);
    const isMalformed = verdict.status === 'invalid' && !isBearerToken(question.token);
    return isMalformed ? { status: 'invalid', reason: 'malformed_token', definite: true } : verdict;
  }

  /** Why this question is not asked at all. The circuit comes last: whoever passes it may be its only probe. */
  #obstacle({ tokenType, looksGood }: Question): Unknown | undefined {
    if (this.#underway >= this.#options.maxInFlight) return { status: 'unknown', reason: 'overloaded' };
    const { budget } = this.#options;
    if (budget && !budget({ provider: this.#provider.name, tokenType, looksGood })) {
      return { status: 'unknown', reason: 'over_budget' };
    }
    const waitMs = this.#circuit.enter();
    return waitMs > 0 ? { status: 'unknown', reason: 'circuit_open', retryAfterMs: waitMs } : undefined;
  }

  #deadline(): AbortSignal {
    return AbortSignal.timeout(this.#options.timeoutMs);
  }

  /** Hardly one such question waits for anything, and a timer for each would cost more than the rest: they share one. */
  #localDeadline(): AbortSignal {
    const now = this.#clock.monotonicNow();
    if (!this.#shared || this.#shared.signal.aborted || now - this.#shared.madeAt > this.#options.timeoutMs / 10) {
      this.#shared = { signal: this.#deadline(), madeAt: now };
    }
    return this.#shared.signal;
  }

  async #verify({ token, tokenType, local }: Question): Promise<IdentityVerdict> {
    try {
      return await this.#provider.verify(token, tokenType, local ? this.#localDeadline() : this.#deadline());
    } catch {
      // Providers answer with values. One that throws has not said no, and its error may carry what it sent.
      return { status: 'unknown', reason: 'nonsense' };
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
