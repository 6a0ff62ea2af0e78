/** Time before and after an observation for which an issuer's clock counts as ahead. */
const PERIOD_MS = 600_000;
const MOST_PERIODS = 16;

interface Period {
  fromMs: number;
  untilMs: number;
  leadMs: number;
}

/**
 * The periods in which an issuer's clock was ahead of ours, and its lead. A token that was issued in such a period and
 * before a sign-out may carry a time of issue after the sign-out.
 */
export class IssuerLeads {
  readonly #periods: Period[] = [];

  /** Notes that a token's time of issue was this far ahead of our clock. */
  note(leadMs: number, nowMs: number): void {
    const last = this.#periods.at(-1);
    if (last && nowMs - PERIOD_MS <= last.untilMs && nowMs + PERIOD_MS >= last.fromMs) {
      last.fromMs = Math.min(last.fromMs, nowMs - PERIOD_MS);
      last.untilMs = Math.max(last.untilMs, nowMs + PERIOD_MS);
      last.leadMs = Math.max(last.leadMs, leadMs);
      return;
    }
    this.#periods.push({ fromMs: nowMs - PERIOD_MS, untilMs: nowMs + PERIOD_MS, leadMs });
    if (this.#periods.length > MOST_PERIODS) this.#periods.shift();
  }

  /** Lead of the clock at a moment, in milliseconds; 0 when no observation shows one. */
  at(momentMs: number): number {
    let leadMs = 0;
    for (const period of this.#periods) {
      if (period.fromMs <= momentMs && momentMs <= period.untilMs && period.leadMs > leadMs) leadMs = period.leadMs;
    }
    return leadMs;
  }
}
