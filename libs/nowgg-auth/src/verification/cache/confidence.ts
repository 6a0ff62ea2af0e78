import type { IdentityProvider } from '../../identity/identity-provider.js';
import type { Instant } from '../decision/verification-result.js';

/** Growth of a verdict's life without the option `longestAgeMs`, where the identity provider allows it. */
const DEFAULT_GROWTH = 10;
const DEFAULT_LONGEST_MS = 300_000;

/** The last acceptance of a token before the one whose life is determined. */
export interface FormerAcceptance extends Instant {
  readonly lifeMs: number;
  /** Whether the identity system has refused the token once since. */
  readonly isDoubted: boolean;
}

/** The times for which verdicts are used, in milliseconds. */
interface Lives {
  /** Life of the first verdict about a token. */
  readonly maxAgeMs: number;
  /** Longest life. Absent: decided by the identity provider. */
  readonly longestAgeMs?: number | undefined;
}

/**
 * Determines for how long an acceptance is used without asking again, its life. A token that was just accepted for the
 * first time may have been revoked a moment later; one that was accepted for an hour rarely is. So the life starts short
 * and doubles with each acceptance that proves something: one that was asked for in the second half of the life before.
 */
export class Confidence {
  readonly #firstMs: number;
  readonly #longestAgeMs: number | undefined;

  constructor({ maxAgeMs, longestAgeMs }: Lives) {
    this.#firstMs = maxAgeMs;
    this.#longestAgeMs = longestAgeMs;
  }

  /** Longest life of an acceptance by this provider. */
  longestMs({ confidenceGrows }: Pick<IdentityProvider, 'confidenceGrows'>): number {
    if (this.#longestAgeMs !== undefined) return this.#longestAgeMs;
    if (!confidenceGrows) return this.#firstMs;
    return Math.max(this.#firstMs, Math.min(this.#firstMs * DEFAULT_GROWTH, DEFAULT_LONGEST_MS));
  }

  /**
   * The life of an acceptance.
   *
   * @param askedAt when the request was sent
   * @param former the acceptance before, by whichever process obtained it
   */
  lifeMs(provider: Pick<IdentityProvider, 'confidenceGrows'>, askedAt: Instant, former?: FormerAcceptance): number {
    if (!former || former.isDoubted) return this.#firstMs;
    // The smaller difference of the two clocks: a step of the wall clock proves nothing.
    const sinceMs = Math.min(askedAt.wallMs - former.wallMs, askedAt.monotonicMs - former.monotonicMs);
    const lifeMs = sinceMs >= former.lifeMs / 2 ? former.lifeMs * 2 : former.lifeMs;
    return Math.min(Math.max(lifeMs, this.#firstMs), this.longestMs(provider));
  }
}
