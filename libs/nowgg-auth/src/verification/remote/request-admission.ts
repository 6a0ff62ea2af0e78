import { Bulkhead, type Leave } from '../../resilience/bulkhead.js';
import type { NowggClock } from '../../clock.js';
import { isAllowed } from '../../resilience/hook-answer.js';
import type { UnknownVerdict } from '../../identity/identity-provider.js';
import type { ResolvedVerificationOptions } from '../../options/options.js';
import type { VerificationRequest } from '../decision/verification-result.js';

type AdmissionOptions = Pick<ResolvedVerificationOptions, 'maxInFlight' | 'timeoutMs' | 'budget'>;

/** One player, or one source of tokens not accepted before, may use one part in this many of the places. */
const LARGEST_SHARE = 8;
const OVERLOADED: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'overloaded' });
const OVER_BUDGET: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'over_budget' });

/**
 * Decides whether a request may be sent now. Half of the places are for tokens that were accepted before, because a
 * token that only looks valid is easy to make. The other half is for all other tokens, which wait for a place instead
 * of being refused. Then the application's budget is checked.
 */
export class RequestAdmission {
  readonly #provider: string;
  readonly #clock: NowggClock;
  readonly #options: AdmissionOptions;
  readonly #bulkhead: Bulkhead;

  constructor(provider: string, clock: NowggClock, options: AdmissionOptions) {
    this.#provider = provider;
    this.#clock = clock;
    this.#options = options;
    const { maxInFlight: places } = options;
    this.#bulkhead = new Bulkhead(clock, {
      places,
      unreserved: Math.ceil(places / 2),
      each: Math.ceil(places / LARGEST_SHARE),
      waiting: places,
    });
  }

  /** @returns a function that releases the place after the answer, or why the request may not be sent. Never throws. */
  admit(question: VerificationRequest): Leave | UnknownVerdict | Promise<Leave | UnknownVerdict> {
    const { known = false, player, source } = question;
    const name = known ? player : source;
    const entry = this.#bulkhead.enter({ name, reserved: known }, this.#options.timeoutMs / 2);
    if (entry instanceof Promise) return this.#afterWait(entry, question);
    return entry ? this.#withinBudget(entry, question) : OVERLOADED;
  }

  async #afterWait(entry: Promise<Leave | undefined>, question: VerificationRequest): Promise<Leave | UnknownVerdict> {
    const leave = await entry;
    return leave ? this.#withinBudget(leave, question) : OVERLOADED;
  }

  #withinBudget(
    leave: Leave,
    { tokenType, isPlausible, known = false, source }: VerificationRequest,
  ): Leave | UnknownVerdict | Promise<Leave | UnknownVerdict> {
    const { budget, timeoutMs } = this.#options;
    if (!budget) return leave;
    const ask = () => budget({ provider: this.#provider, tokenType, isPlausible, known, source });
    const allowed = isAllowed(ask, this.#clock, timeoutMs / 2);
    const decide = (isWithin: boolean): Leave | UnknownVerdict => {
      if (isWithin) return leave;
      leave();
      return OVER_BUDGET;
    };
    return typeof allowed === 'boolean' ? decide(allowed) : allowed.then(decide);
  }
}
