import type { NowggClock } from '../clock.js';
import { clampRetryAfter } from '../errors.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import type { ResolvedNowggAuthOptions } from '../options.js';
import type { TokenType } from '../principal.js';
import { publishSecurityEvent, type NowggSecurityEvent } from '../security-events.js';
import { Answer } from './answer.js';
import { Circuit } from './circuit.js';
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
  #underway = 0;

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

  async ask(question: Question): Promise<Answer> {
    const askedAt = instantOf(this.#clock);
    const obstacle = this.#obstacle(question);
    if (obstacle) return new Answer(obstacle, askedAt, 'miss');
    this.#underway += 1;
    try {
      return new Answer(this.#digest(question, await this.#verify(question)), askedAt, 'miss');
    } finally {
      this.#underway -= 1;
    }
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

  async #verify({ token, tokenType }: Question): Promise<IdentityVerdict> {
    try {
      return await this.#provider.verify(token, tokenType, AbortSignal.timeout(this.#options.timeoutMs));
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
