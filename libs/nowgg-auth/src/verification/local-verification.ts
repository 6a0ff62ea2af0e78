import type { NowggClock } from '../clock.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import {
  VerificationResult,
  type Instant,
  instantOf,
  NO_ANSWER,
  type VerificationRequest,
} from './decision/verification-result.js';
import { isBearerToken } from '../identity/token-text.js';

const MALFORMED: IdentityVerdict = Object.freeze({
  status: 'invalid',
  reason: 'malformed_token',
  independentOfClient: true,
});

/** Receives the result of a verification to remember. */
type Settle = (
  key: string,
  provider: IdentityProvider,
  question: VerificationRequest,
  answer: VerificationResult,
) => void;

/** One verification under way; its result is released when it ends. */
interface Run {
  result: Promise<VerificationResult> | undefined;
}

/**
 * Verifies tokens in this process, by computing. No limit applies, and a result says nothing about the connection to
 * the identity system. Concurrent callers with the same token share one run. Every first use of a JWT passes through
 * this class, so it has as few layers as possible.
 */
export class LocalVerification {
  readonly #clock: NowggClock;
  readonly #timeoutMs: number;
  readonly #settle: Settle;
  /** The newest run for each key. */
  readonly #underway = new Map<string, Run>();
  #deadline: { readonly signal: AbortSignal; readonly madeAt: number } | undefined;

  /**
   * @param timeoutMs time for fetching the key that a token names, when it is needed first
   * @param settle receives the results to remember
   */
  constructor(clock: NowggClock, timeoutMs: number, settle: Settle) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#settle = settle;
  }

  /** Joins the newest run of this key, or starts one. */
  join(key: string, provider: IdentityProvider, question: VerificationRequest): Promise<VerificationResult> {
    return this.#underway.get(key)?.result ?? this.start(key, provider, question);
  }

  /** Starts a separate run even if one is under way; later callers join this newer one. */
  start(key: string, provider: IdentityProvider, question: VerificationRequest): Promise<VerificationResult> {
    const run: Run = { result: undefined };
    this.#underway.set(key, run);
    const askedAt = instantOf(this.#clock);
    const end = (verdict: IdentityVerdict) => {
      const isNewest = this.#end(key, run);
      const answer = answerTo(question, verdict, askedAt);
      if (isNewest) this.#settle(key, provider, question, answer);
      return answer;
    };
    const result = this.#verify(provider, question, askedAt).then(end, () => end(NO_ANSWER));
    run.result = result;
    return result;
  }

  /** Prevents the run under way for this key from being remembered. */
  invalidate(key: string): void {
    this.#underway.delete(key);
  }

  #verify(
    provider: IdentityProvider,
    { token, tokenType }: VerificationRequest,
    at: Instant,
  ): Promise<IdentityVerdict> {
    try {
      return provider.verify(token, tokenType, this.#signalAt(at.monotonicMs));
    } catch {
      return Promise.resolve(NO_ANSWER);
    }
  }

  /** @returns whether it is the newest run: neither invalidated nor followed by a newer one */
  #end(key: string, run: Run): boolean {
    // Tables that a `Map` outgrew stay until the next full garbage collection, with all that they reference.
    run.result = undefined;
    return this.#underway.get(key) === run && this.#underway.delete(key);
  }

  /** A signal that runs share: few of them wait, and one for each costs 11 µs, 5 % of a whole request on Fastify. */
  #signalAt(monotonicMs: number): AbortSignal {
    const shared = this.#deadline;
    if (shared && !shared.signal.aborted && monotonicMs - shared.madeAt <= this.#timeoutMs / 10) return shared.signal;
    const signal = AbortSignal.timeout(this.#timeoutMs);
    this.#deadline = { signal, madeAt: monotonicMs };
    return signal;
  }
}

function answerTo({ token }: VerificationRequest, verdict: IdentityVerdict, askedAt: Instant): VerificationResult {
  return new VerificationResult(
    verdict.status === 'invalid' && !isBearerToken(token) ? MALFORMED : verdict,
    askedAt,
    'miss',
  );
}
