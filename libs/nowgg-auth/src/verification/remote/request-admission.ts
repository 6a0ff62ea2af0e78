import { Bulkhead } from '../../resilience/bulkhead.js';
import type { Leave, Visitor } from '../../resilience/visitor.js';
import type { CallRate } from '../../resilience/call-rate.js';
import { FailureState } from '../../events/state-events.js';
import type { NowggClock } from '../../clock.js';
import { isAllowed } from '../../resilience/hook-answer.js';
import type { UnknownVerdict } from '../../identity/identity-provider.js';
import type { ResolvedVerificationOptions } from '../../options/options.js';
import type { VerificationRequest } from '../decision/verification-result.js';

type AdmissionOptions = Pick<ResolvedVerificationOptions, 'maxInFlight' | 'timeoutMs' | 'budget'>;

/** One player, or one source of tokens not accepted before, may use one part in this many of places and queue. */
const LARGEST_SHARE = 8;
/** Requests of one kind that may wait for each place. */
const WAITING_PER_PLACE = 4;
const OVER_BUDGET: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'over_budget' });

/**
 * Decides whether a request may be sent now. Half of the places are for tokens that were accepted before, because a
 * token that only looks valid is easy to make. The other half is for all other tokens. Requests wait for a place and
 * for the rate of calls: those about accepted tokens first, then the others, whose sources take turns. An early renewal
 * never waits, because the caller has a verdict. Then the application's budget is checked.
 */
export class RequestAdmission {
  readonly #provider: string;
  readonly #clock: NowggClock;
  readonly #options: AdmissionOptions;
  readonly #rate: CallRate | undefined;
  readonly #bulkhead: Bulkhead;
  readonly #refused: FailureState;

  constructor(provider: string, clock: NowggClock, options: AdmissionOptions, rate?: CallRate) {
    this.#provider = provider;
    this.#clock = clock;
    this.#options = options;
    this.#rate = rate;
    this.#refused = new FailureState(clock, 'calls_refused', provider);
    const { maxInFlight: places } = options;
    const sizes = {
      places,
      unreserved: Math.ceil(places / 2),
      each: Math.ceil(places / LARGEST_SHARE),
      waiting: places * WAITING_PER_PLACE,
    };
    this.#bulkhead = new Bulkhead(clock, sizes, rate);
  }

  /** @returns a function that releases the place after the answer, or why the request may not be sent. Never throws. */
  admit(question: VerificationRequest): Leave | UnknownVerdict | Promise<Leave | UnknownVerdict> {
    const visitor = visitorOf(question);
    const entry = this.#bulkhead.enter(visitor, this.#options.timeoutMs / 2);
    if (entry instanceof Promise) return this.#afterWait(entry, visitor, question);
    return entry ? this.#withinBudget(entry, question) : this.#refusal(visitor);
  }

  /** Whether a request that was sent may be sent once more within the rate. */
  mayRepeat(question: VerificationRequest): boolean {
    return this.#rate?.take(visitorOf(question)) ?? true;
  }

  async #afterWait(
    entry: Promise<Leave | undefined>,
    visitor: Visitor,
    question: VerificationRequest,
  ): Promise<Leave | UnknownVerdict> {
    const leave = await entry;
    return leave ? this.#withinBudget(leave, question) : this.#refusal(visitor);
  }

  #refusal(visitor: Visitor): UnknownVerdict {
    const reason = this.#rate && this.#bulkhead.hasPlaceFor(visitor) ? 'over_rate' : 'overloaded';
    // An early renewal that is left out is not a refusal: its caller has a verdict.
    if (!visitor.yields) this.#refused.failed(reason);
    return { status: 'unknown', reason, retryAfterMs: this.#bulkhead.expectedWaitMs(visitor) };
  }

  #withinBudget(
    leave: Leave,
    { tokenType, isPlausible, known = false, source }: VerificationRequest,
  ): Leave | UnknownVerdict | Promise<Leave | UnknownVerdict> {
    const { budget, timeoutMs } = this.#options;
    if (!budget) {
      this.#refused.succeeded();
      return leave;
    }
    const ask = () => budget({ provider: this.#provider, tokenType, isPlausible, known, source });
    const allowed = isAllowed(ask, this.#clock, timeoutMs / 2);
    const decide = (isWithin: boolean): Leave | UnknownVerdict => {
      if (isWithin) {
        this.#refused.succeeded();
        return leave;
      }
      this.#refused.failed('over_budget');
      leave();
      return OVER_BUDGET;
    };
    return typeof allowed === 'boolean' ? decide(allowed) : allowed.then(decide);
  }
}

function visitorOf({ known = false, player, source, isRenewal = false, isGone }: VerificationRequest): Visitor {
  return { name: known ? player : source, reserved: known, yields: isRenewal, isGone };
}
