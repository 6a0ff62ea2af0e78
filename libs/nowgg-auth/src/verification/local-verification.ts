import type { NowggClock } from '../clock.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import { Answer } from './answer.js';
import { isBearerToken } from './gate.js';
import { NO_ANSWER, type Question } from './identity-line.js';
import { instantOf } from './verdict-cache.js';

/** One verification that has not ended. */
interface Run {
  result: Promise<Answer>;
}

/**
 * Verifies tokens that are verified here, by computing: nothing limits it, and it tells nothing about the line to the
 * identity system. Once for all who come with the same token meanwhile. Every first use of a JWT goes through this, so
 * there is no layer more than it takes.
 */
export class LocalVerification {
  readonly #clock: NowggClock;
  readonly #timeoutMs: number;
  readonly #settle: (key: string, question: Question, answer: Answer) => void;
  /** The newest run for each key. */
  readonly #underway = new Map<string, Run>();
  #deadline: { readonly signal: AbortSignal; readonly madeAt: number } | undefined;

  /**
   * @param timeoutMs for the key that a token names, where that must be fetched first
   * @param settle told what to remember
   */
  constructor(clock: NowggClock, timeoutMs: number, settle: (key: string, question: Question, answer: Answer) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#settle = settle;
  }

  /** Joins the newest run of this key, or starts one. */
  join(key: string, provider: IdentityProvider, question: Question): Promise<Answer> {
    return this.#underway.get(key)?.result ?? this.start(key, provider, question);
  }

  /** Starts a run of its own even if one is under way; later callers join this newer one. */
  start(key: string, provider: IdentityProvider, question: Question): Promise<Answer> {
    const run: Run = { result: undefined as never };
    this.#underway.set(key, run);
    run.result = this.#verify(key, run, provider, question);
    return run.result;
  }

  /** What is under way for this key is not remembered. */
  invalidate(key: string): void {
    this.#underway.delete(key);
  }

  async #verify(key: string, run: Run, provider: IdentityProvider, question: Question): Promise<Answer> {
    const { token, tokenType } = question;
    const askedAt = instantOf(this.#clock);
    let verdict: IdentityVerdict;
    try {
      verdict = await provider.verify(token, tokenType, this.#signalAt(askedAt.monotonicMs));
    } catch {
      verdict = NO_ANSWER;
    }
    const isMalformed = verdict.status === 'invalid' && !isBearerToken(token);
    if (isMalformed) verdict = { status: 'invalid', reason: 'malformed_token', definite: true };
    const answer = new Answer(verdict, askedAt, 'miss');
    // Neither invalidated nor overtaken by a newer one.
    if (this.#underway.get(key) === run) {
      this.#underway.delete(key);
      this.#settle(key, question, answer);
    }
    return answer;
  }

  /** Hardly one run waits for anything, and a timer for each would cost more than the rest: they share one. */
  #signalAt(monotonicMs: number): AbortSignal {
    const shared = this.#deadline;
    if (shared && !shared.signal.aborted && monotonicMs - shared.madeAt <= this.#timeoutMs / 10) return shared.signal;
    const signal = AbortSignal.timeout(this.#timeoutMs);
    this.#deadline = { signal, madeAt: monotonicMs };
    return signal;
  }
}
