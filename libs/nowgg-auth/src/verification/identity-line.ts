import type { NowggClock } from '../clock.js';
import { clampRetryAfter } from '../errors.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import type { TokenType } from '../principal.js';
import { publishSecurityEvent, type NowggSecurityEvent } from '../security-events.js';
import { OwnCredentials } from './own-credentials.js';

/** A question to an identity system. */
export interface Question {
  /** Cache key of the token: tells tokens apart without holding one. */
  readonly key: string;
  readonly token: string;
  readonly tokenType: TokenType;
  /** A well-formed JWS; its `exp` and `aud` were found good. */
  readonly looksGood: boolean;
}

/**
 * The line to one identity provider: asks under the total deadline, keeps quiet while a `Retry-After` runs, and turns a
 * refusal into `unknown` while our own credentials are in doubt.
 */
export class IdentityLine {
  readonly #provider: IdentityProvider;
  readonly #clock: NowggClock;
  readonly #timeoutMs: number;
  readonly #ownCredentials: OwnCredentials;
  #quietUntil = Number.NEGATIVE_INFINITY;

  constructor(provider: IdentityProvider, clock: NowggClock, timeoutMs: number) {
    this.#provider = provider;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#ownCredentials = new OwnCredentials(clock);
  }

  async ask(question: Question): Promise<IdentityVerdict> {
    const quietMs = this.#quietUntil - this.#clock.monotonicNow();
    if (quietMs > 0) return { status: 'unknown', reason: 'rate_limited', retryAfterMs: quietMs };
    return this.#digest(question, await this.#verify(question));
  }

  async #verify({ token, tokenType }: Question): Promise<IdentityVerdict> {
    try {
      return await this.#provider.verify(token, tokenType, AbortSignal.timeout(this.#timeoutMs));
    } catch {
      // Providers answer with values. One that throws has not said no, and its error may carry what it sent.
      return { status: 'unknown', reason: 'nonsense' };
    }
  }

  #digest(question: Question, verdict: IdentityVerdict): IdentityVerdict {
    if (verdict.status === 'valid') this.#ownCredentials.accepted();
    if (verdict.status === 'unknown') this.#noteFailure(verdict);
    if (verdict.status !== 'invalid' || verdict.reason !== 'invalid_token') return verdict;
    if (question.looksGood) this.#ownCredentials.refusedThoughItLookedGood(question.key);
    if (!this.#ownCredentials.suspect) return verdict;
    this.#report('own_credentials_suspect');
    return { status: 'unknown', reason: 'own_credentials_suspect' };
  }

  #noteFailure({ reason, retryAfterMs }: Extract<IdentityVerdict, { status: 'unknown' }>): void {
    if (reason === 'rate_limited' || (reason === 'server_error' && retryAfterMs !== undefined)) {
      const quietMs = clampRetryAfter((retryAfterMs ?? 0) / 1000) * 1000;
      this.#quietUntil = this.#clock.monotonicNow() + quietMs;
    }
    if (reason === 'tls') this.#report('tls_failure');
    if (reason === 'mismatched_reply') this.#report('mismatched_reply');
  }

  #report(type: NowggSecurityEvent['type']): void {
    publishSecurityEvent({ type, provider: this.#provider.name });
  }
}
