import { LRUCache } from 'lru-cache';
import type { NowggClock } from '../clock.js';
import type { InvalidReason } from '../identity/reasons.js';
import type { TokenFacts } from '../principal.js';
import type { Verdict } from './verdict.js';

/** An instant on both clocks. */
export interface Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** A yes of the identity system: facts, no decision. */
export interface CachedFacts {
  readonly facts: TokenFacts;
  /** When the question was sent: the verdict is at least this old. */
  readonly askedAt: Instant;
  /** The same for every request that it serves; deeply frozen. */
  readonly verdict: Extract<Verdict, { status: 'valid' }>;
  /** From this age on, milliseconds, a use of the entry has it asked again in the background. */
  readonly renewAfterMs: number;
  /** Up to this age it is not asked again, because its last question had no answer; 0 when that is not so. */
  restUntilMs: number;
}

/** A no of the identity system. */
export interface CachedRefusal {
  readonly reason: InvalidReason;
  readonly askedAt: Instant;
}

const EXPIRED_TOKEN_TTL_MS = 300_000;
const INVALID_TOKEN_TTL_MS = 5_000;

/** The clock's two readings, taken together. */
export function instantOf(clock: NowggClock): Instant {
  return { wallMs: clock.now(), monotonicMs: clock.monotonicNow() };
}

/**
 * Milliseconds since an instant: the larger of what the two clocks say, so that neither a wall clock that was set back
 * nor a machine that slept makes a verdict look younger than it is.
 */
export function ageMs(since: Instant, nowMs: number, clock: NowggClock): number {
  const wall = nowMs - since.wallMs;
  const monotonic = clock.monotonicNow() - since.monotonicMs;
  return wall > monotonic ? wall : monotonic;
}

/** How long a refusal serves: an expired token stays expired, an unknown one may be known to another node soon. */
export function refusalTtlMs(reason: InvalidReason): number {
  return reason === 'expired_token' ? EXPIRED_TOKEN_TTL_MS : INVALID_TOKEN_TTL_MS;
}

/**
 * What identity systems answered, by cache key. Refusals live apart, so that a flood of garbage tokens cannot push a
 * player's verdict out. Entries carry no lifetime: whoever reads one decides whether it may still serve.
 */
export class VerdictCache {
  readonly accepted: LRUCache<string, CachedFacts>;
  readonly refused: LRUCache<string, CachedRefusal>;

  constructor(sizes: { readonly maxEntries: number; readonly negativeMaxEntries: number }) {
    this.accepted = new LRUCache({ max: sizes.maxEntries });
    this.refused = new LRUCache({ max: sizes.negativeMaxEntries });
  }
}
