import type { NowggClock } from '../../clock.js';

/** An instant on both clocks. */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** Reads both clocks at the same time. */
export function instantOf(clock: NowggClock): Instant {
  return { wallMs: clock.now(), monotonicMs: clock.monotonicNow() };
}

/**
 * Milliseconds since an instant: the larger value of the two clocks, so that neither a wall clock that was set back nor
 * a machine that slept makes a verdict look younger than it is.
 */
export function ageMs(since: Instant, nowMs: number, monotonicNowMs: number): number {
  const wall = nowMs - since.wallMs;
  const monotonic = monotonicNowMs - since.monotonicMs;
  return wall > monotonic ? wall : monotonic;
}
