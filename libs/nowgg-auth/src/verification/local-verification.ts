import type { NowggClock } from '../clock.js';
import type { IdentityProvider, IdentityVerdict } from '../identity/identity-provider.js';
import { Answer } from './answer.js';
import { isBearerToken } from './gate.js';
import { NO_ANSWER, type Question } from './identity-line.js';
import { type Instant, instantOf } from './verdict-cache.js';

const MALFORMED: IdentityVerdict = Object.freeze({ status: 'invalid', reason: 'malformed_token', definite: true });

/** One verification. */
interface Run {
  readonly key: string;
  readonly question: Question;
  readonly askedAt: Instant;
  /** Gone when it has ended. */
  verified: Promise<IdentityVerdict> | undefined;
  /** What it came to. */
  answer: Answer | undefined;
}

/** What somebody who waits for a verification makes of it. */
type Conclude<T> = (answer: Answer) => T;

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
  join<T>(key: string, provider: IdentityProvider, question: Question, conclude: Conclude<T>): Promise<T> {
    const run = this.#underway.get(key);
    return run ? this.#await(run, conclude) : this.start(key, provider, question, conclude);
  }

  /** Starts a run of its own even if one is under way; later callers join this newer one. */
  start<T>(key: string, provider: IdentityProvider, question: Question, conclude: Conclude<T>): Promise<T> {
    const askedAt = instantOf(this.#clock);
    const verified = this.#verify(provider, question, askedAt);
    const run: Run = { key, question, askedAt, verified, answer: undefined };
    this.#underway.set(key, run);
    return this.#await(run, conclude);
  }

  /** What is under way for this key is not remembered. */
  invalidate(key: string): void {
    this.#underway.delete(key);
  }

  /** Whoever of those who wait is told first ends it for all. */
  #await<T>(run: Run, conclude: Conclude<T>): Promise<T> {
    return (run.verified as Promise<IdentityVerdict>).then(
      (verdict) => conclude(run.answer ?? this.#end(run, verdict)),
      () => conclude(run.answer ?? this.#end(run, NO_ANSWER)),
    );
  }

  #verify(provider: IdentityProvider, { token, tokenType }: Question, at: Instant): Promise<IdentityVerdict> {
    try {
      return provider.verify(token, tokenType, this.#signalAt(at.monotonicMs));
    } catch {
      return Promise.resolve(NO_ANSWER);
    }
  }

  #end(run: Run, verdict: IdentityVerdict): Answer {
    const { key, question, askedAt } = run;
    // Neither invalidated nor overtaken by a newer one.
    const isNewest = this.#underway.get(key) === run;
    if (isNewest) this.#underway.delete(key);
    // Tables that a `Map` outgrew stay until the next full collection, with all that they point to: let it be little.
    run.verified = undefined;
    const formed = verdict.status === 'invalid' && !isBearerToken(question.token) ? MALFORMED : verdict;
    const answer = new Answer(formed, askedAt, 'miss');
    run.answer = answer;
    if (isNewest) this.#settle(key, question, answer);
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
