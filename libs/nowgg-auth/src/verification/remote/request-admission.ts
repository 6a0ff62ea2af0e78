import { Bulkhead, type Leave } from '../../resilience/bulkhead.js';
import type { NowggClock } from '../../clock.js';
import { isAllowed } from '../../resilience/hook-answer.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { ResolvedVerificationOptions } from '../../options/options.js';
import type { VerificationRequest } from './verification-request.js';

type UnknownVerdict = Extract<IdentityVerdict, { status: 'unknown' }>;
type AdmissionOptions = Pick<ResolvedVerificationOptions, 'maxInFlight' | 'timeoutMs' | 'budget'>;

/** Of the questions under way one player, or one source of strangers, may have this part. */
const LARGEST_SHARE = 8;
const OVERLOADED: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'overloaded' });
const OVER_BUDGET: UnknownVerdict = Object.freeze({ status: 'unknown', reason: 'over_budget' });

/**
 * Decides whether a question may be sent now. Half of the places are for tokens that were accepted before, because a
 * token that merely looks good is easy to make; the other half is for strangers, who wait for a place rather than
 * being turned away. Then the application's budget is asked.
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

  /** @returns how to give the place back when the question was answered, or why it may not be sent. Never throws. */
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
