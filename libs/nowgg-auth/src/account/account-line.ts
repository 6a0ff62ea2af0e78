import { Bulkhead, type EntryRate } from '../resilience/bulkhead.js';
import type { NowggClock } from '../clock.js';
import type { InfoOutcome } from '../identity/identity-provider.js';
import { Circuit } from '../resilience/circuit.js';

/** One call to an account endpoint. */
interface AccountCall<T> {
  /** Identifies the token and the kind of information among all others; does not contain the token. */
  readonly key: string;
  /** Calls of one player share a limit. */
  readonly player: string;
  readonly ask: (signal: AbortSignal) => Promise<InfoOutcome<T>>;
}

type Unknown = Extract<InfoOutcome<never>, { status: 'unknown' }>;

const SIZES = { places: 128, each: 4, waiting: 1_024 };
/** Number of different tokens in a row without an answer that opens the circuit. */
const SILENCES_TO_OPEN = 5;
/** Time for which calls without an answer count for the circuit, in milliseconds. */
const WINDOW_MS = 30_000;
const PAUSE = { firstPauseMs: 1_000, longestPauseMs: 10_000 };
/** Time for which a token whose call had no answer is not asked about again, in milliseconds. */
const REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
const MOST_RESTING = 1_000;

/** Maximum number of callers that wait for one call. More are a flood, and would all have to be answered at once. */
const MOST_CALLERS = 32;

const OVERLOADED: Unknown = Object.freeze({ status: 'unknown', reason: 'overloaded' });

/**
 * Client of one provider's account endpoints, separate from the client for verdicts. It makes one call at a time for
 * each token and kind of information, and limits all calls and those of one player. Its circuit opens only when calls
 * for several tokens in a row had no answer, so that one player's unusual account does not block the others.
 */
export class AccountLine {
  readonly #clock: NowggClock;
  readonly #timeoutMs: number;
  readonly #bulkhead: Bulkhead;
  readonly #circuit: Circuit;
  readonly #underway = new Map<string, { readonly outcome: Promise<InfoOutcome<unknown>>; callers: number }>();
  /** Tokens without an answer since the last one, with the time until which each is not asked about. */
  readonly #resting = new Map<string, number>();

  /**
   * @param rate the rate of calls to the identity system. Default: no limit
   * @param onCircuit called when the circuit opens and when it closes
   */
  constructor(clock: NowggClock, timeoutMs: number, rate?: EntryRate, onCircuit?: (isOpen: boolean) => void) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#bulkhead = new Bulkhead(clock, SIZES, rate);
    this.#circuit = new Circuit(clock, {
      openAfter: SILENCES_TO_OPEN,
      windowMs: WINDOW_MS,
      ...PAUSE,
      onChange: onCircuit,
    });
  }

  /** The outcome of a call that is under way for this key, or of a new one. */
  ask<T>(call: AccountCall<T>): Promise<InfoOutcome<T>> {
    const underway = this.#underway.get(call.key);
    if (underway) {
      if (underway.callers >= MOST_CALLERS) return Promise.resolve(OVERLOADED);
      underway.callers += 1;
      // A key belongs to one kind of information.
      return underway.outcome as Promise<InfoOutcome<T>>;
    }
    const outcome = this.#ask(call).finally(() => this.#underway.delete(call.key));
    this.#underway.set(call.key, { outcome, callers: 1 });
    return outcome;
  }

  async #ask<T>({ key, player, ask }: AccountCall<T>): Promise<InfoOutcome<T>> {
    const restMs = (this.#resting.get(key) ?? 0) - this.#clock.monotonicNow();
    if (restMs > 0) return { status: 'unknown', reason: 'circuit_open', retryAfterMs: restMs };
    // One deadline for the wait and the call, in real time because it is also the socket's.
    const signal = AbortSignal.timeout(this.#timeoutMs);
    const visitor = { name: player };
    const leave = await this.#bulkhead.enter(visitor, this.#timeoutMs);
    if (!leave) return { ...OVERLOADED, retryAfterMs: this.#bulkhead.expectedWaitMs(visitor) };
    try {
      const closedForMs = this.#circuit.enter();
      if (closedForMs > 0) return { status: 'unknown', reason: 'circuit_open', retryAfterMs: closedForMs };
      const outcome = await answerOf(ask(signal));
      this.#note(key, outcome);
      return outcome;
    } finally {
      leave();
    }
  }

  #note(key: string, outcome: InfoOutcome<unknown>): void {
    if (outcome.status === 'unknown' && outcome.reason !== 'misconfigured') this.#noteSilence(key, outcome);
    else {
      this.#resting.clear();
      this.#circuit.answered();
    }
  }

  #noteSilence(key: string, { retryAfterMs = 0 }: Unknown): void {
    const isFirst = !this.#resting.has(key);
    if (this.#resting.size >= MOST_RESTING) this.#resting.clear();
    const restMs = Math.min(Math.max(retryAfterMs, REST_MS), LONGEST_REST_MS);
    this.#resting.set(key, this.#clock.monotonicNow() + restMs);
    if (isFirst) this.#circuit.failed();
  }
}

/** A provider reports by value. One that throws has not answered, and its error may contain what it sent. */
async function answerOf<T>(outcome: Promise<InfoOutcome<T>>): Promise<InfoOutcome<T>> {
  try {
    return await outcome;
  } catch {
    return { status: 'unknown', reason: 'invalid_response' };
  }
}
