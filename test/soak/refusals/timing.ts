/** Everything happens ten times as fast as in production. */
export const SCALE = 10;
/** The identity system may refuse players who are signed in for as long as this. */
export const REFUSES_MS = 20_000 / SCALE;
/** A refusal that lasted longer, because this machine was busy, may end grants: the rule is 25 seconds. */
export const LONGEST_REFUSAL_MS = 24_000 / SCALE;
/** Time after a refusing fault before the next one begins; see `refusalSlackMs`. */
export const BETWEEN_REFUSALS_MS = 36_000 / SCALE;

export const REFUSAL_TIMING = {
  refusalPausesMs: [2_000, 4_000, 8_000, 11_000].map((ms) => ms / SCALE),
  refusedRetryMs: 60_000 / SCALE,
  refusalSlackMs: 15_000 / SCALE,
  refusalsApartMs: 25_000 / SCALE,
  designatedEveryMs: 1_000 / SCALE,
  designatedApartMs: 10_000 / SCALE,
  workingMs: 60_000 / SCALE,
  clientNewsMs: 1_000 / SCALE,
};
export const REFUSAL_DURATIONS = { leaseMs: 1_000, softDeadlineMs: 1_500, lateReplyMs: 3_000, forcedRefreshMs: 0 };

/** The time of an entry of a trace, in epoch milliseconds. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
