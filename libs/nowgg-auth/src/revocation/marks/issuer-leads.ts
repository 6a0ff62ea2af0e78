/** How far before and after an observation an issuer's clock is taken to have been ahead. */
const PERIOD_MS = 600_000;
const MOST_PERIODS = 16;

interface Period {
  fromMs: number;
  untilMs: number;
  leadMs: number;
}

/**
 * When an issuer's clock was ahead of ours, and how far. A token that was issued then, and before a sign-out, may carry
 * a time of issue after it.
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

  /** How far the clock was ahead at a moment, milliseconds; 0 when nothing says that it was. */
  at(momentMs: number): number {
    let leadMs = 0;
    for (const period of this.#periods) {
      if (period.fromMs <= momentMs && momentMs <= period.untilMs && period.leadMs > leadMs) leadMs = period.leadMs;
    }
    return leadMs;
  }
}
