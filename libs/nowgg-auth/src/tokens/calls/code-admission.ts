import { LRUCache } from 'lru-cache';
import { Bulkheads } from '../../resilience/bulkhead.js';
import type { Leave } from '../../resilience/visitor.js';
import type { NowggClock } from '../../clock.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { RollingWindow } from '../../resilience/rolling-window.js';
import { isAllowed } from '../../resilience/hook-answer.js';
import type { CodeBudget } from '../../options/options.js';

/** Limits for the codes of one client. */
export interface CodeLimits {
  readonly maxExchangesInFlight: number;
  readonly refusedCodesPerMinute: number;
  readonly codeBudget: CodeBudget | undefined;
  /** Time that a code may wait to be admitted, in milliseconds. */
  readonly softDeadlineMs: number;
}

/** The origin of a code, as far as the application states it. */
export interface CodeQuestion {
  readonly provider: string;
  readonly clientKey: string;
  readonly source?: string | undefined;
}

/** The kind of answer that a code got. */
export type CodeAnswer = TokenOutcome['status'];

/** A code that may be sent. */
export interface AdmittedCode {
  /** Must be called exactly once. @param answer the kind of answer to the code; undefined when it was not sent */
  end(answer: CodeAnswer | undefined): void;
}

/** One source may have one eighth of the exchanges in progress and one third of the refused codes. */
const SOURCE_SHARE = 8;
const SOURCE_REFUSED_SHARE = 3;
const MOST_SOURCES = 10_000;
const WAIT_STEP_MS = 50;
/** Maximum number of codes of one client that wait for a place: a burst of sign-ins is served one after another. */
const MOST_WAITING = 1_000;

/**
 * Decides whether a code may be sent to a token endpoint. Codes of strangers have limits of their own, so that
 * strangers use up neither the connections nor the client's quota at the identity system.
 */
export class CodeAdmission {
  readonly #clock: NowggClock;
  readonly #limits: CodeLimits;
  readonly #bulkheads: Bulkheads;
  readonly #allowances = new Map<string, CodeAllowance>();
  // By size, because with `max` the whole table is allocated at once.
  readonly #bySource = new LRUCache<string, CodeAllowance>({ maxSize: MOST_SOURCES, sizeCalculation: () => 1 });

  constructor(clock: NowggClock, limits: CodeLimits) {
    this.#clock = clock;
    this.#limits = limits;
    const places = limits.maxExchangesInFlight;
    this.#bulkheads = new Bulkheads(clock, { places, each: Math.ceil(places / SOURCE_SHARE), waiting: MOST_WAITING });
  }

  /** @returns undefined when the code may not be sent now */
  async admit(question: CodeQuestion): Promise<AdmittedCode | undefined> {
    const { clientKey, source, provider } = question;
    const { codeBudget, softDeadlineMs } = this.#limits;
    const until = this.#clock.monotonicNow() + softDeadlineMs;
    const leave = await this.#bulkheads.of(clientKey).enter({ name: source }, softDeadlineMs);
    if (!leave) return undefined;
    const allowance = this.#allowanceOf(question);
    if (!(await this.#begun(allowance, until))) return this.#turnAway(leave);
    const allowed =
      !codeBudget || (await isAllowed(() => codeBudget({ provider, source }), this.#clock, softDeadlineMs));
    if (!allowed) {
      allowance.end(undefined);
      return this.#turnAway(leave);
    }
    return {
      end: (answer) => {
        allowance.end(answer);
        leave();
      },
    };
  }

  #turnAway(leave: Leave): undefined {
    leave();
    return undefined;
  }

  /** Waits for other codes to be answered. */
  async #begun(allowance: CodeAllowance, until: number): Promise<boolean> {
    for (;;) {
      const outcome = allowance.begin();
      if (outcome !== 'full') return outcome === 'begun';
      if (this.#clock.monotonicNow() >= until) return false;
      await this.#clock.wait(WAIT_STEP_MS);
    }
  }

  /** A named source has its own allowance; all others share one for each client. */
  #allowanceOf({ clientKey, source }: CodeQuestion): CodeAllowance {
    const { refusedCodesPerMinute } = this.#limits;
    const key = source === undefined ? clientKey : `${clientKey}:${source}`;
    const kept = source === undefined ? this.#allowances : this.#bySource;
    const known = kept.get(key);
    if (known) return known;
    const limit =
      source === undefined ? refusedCodesPerMinute : Math.ceil(refusedCodesPerMinute / SOURCE_REFUSED_SHARE);
    const allowance = new CodeAllowance(this.#clock, limit);
    kept.set(key, allowance);
    return allowance;
  }
}

const WINDOW_MS = 60_000;
/** Interval at which one more code is sent while too many are refused, in milliseconds. */
const PACE_MS = 5_000;

/**
 * Limits the number of codes that may be sent. A code that is in progress or was refused within the last minute uses up
 * one unit of the limit; an accepted code gives back as much as it could use up. So a flood of made-up codes stops at
 * the limit and continues at a slow pace, while successful sign-ins are not limited, however many there are.
 */
class CodeAllowance {
  readonly #clock: NowggClock;
  readonly #limit: number;
  /** Codes that were refused or accepted; a hit is a refused code. */
  readonly #answered = new RollingWindow(WINDOW_MS);
  #underway = 0;
  #nextSlowAt = Number.NEGATIVE_INFINITY;

  constructor(clock: NowggClock, limit: number) {
    this.#clock = clock;
    this.#limit = limit;
  }

  /** Uses up one unit of the limit. `full`: worth waiting for a code in progress. `slowed`: not worth waiting. */
  begin(): 'begun' | 'full' | 'slowed' {
    const now = this.#clock.monotonicNow();
    const { hits: refused, total } = this.#answered.counts(now);
    const limit = Math.max(this.#limit, total - refused);
    if (refused + this.#underway < limit) return this.#begun();
    if (refused < limit) return 'full';
    if (now < this.#nextSlowAt || this.#underway > 0) return 'slowed';
    this.#nextSlowAt = now + PACE_MS;
    return this.#begun();
  }

  /** Ends a code that has begun. Only tokens and a refusal are answers about the code. */
  end(answer: CodeAnswer | undefined): void {
    this.#underway -= 1;
    if (answer === 'tokens' || answer === 'refused') {
      this.#answered.add(answer === 'refused', this.#clock.monotonicNow());
    }
  }

  #begun(): 'begun' {
    this.#underway += 1;
    return 'begun';
  }
}
