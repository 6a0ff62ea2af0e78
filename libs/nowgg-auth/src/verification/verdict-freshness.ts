import type { UnknownReason } from '../identity/reasons.js';
import type { ResolvedVerificationOptions } from '../options/options.js';
import { type RememberedAcceptance, RENEW_AT } from './cache/verdict-cache.js';
import type { AuthenticationContext, AuthenticationPolicy } from './decision/verdict.js';
import type { Instant } from './decision/verification-result.js';
import { SECOND_LOOK_MS } from './evidence/refusal-evidence.js';
import type { VerdictMemory } from './verdict-memory.js';

/** Reasons why a request was not sent at all. */
const NOT_SENT: ReadonlySet<UnknownReason> = new Set(['overloaded', 'over_rate']);
const NOT_SENT_REST = 0.1;

/** One token under one route's requirements. */
export interface Case {
  readonly token: string;
  readonly digest: string;
  readonly key: string;
  readonly policy: AuthenticationPolicy;
  readonly context?: AuthenticationContext | undefined;
  /** Whether the caller was answered already: a verdict that must be renewed soon is not good enough. */
  readonly renews?: boolean;
}

/** How old a verdict may be, by its life and the requirements of a route. All times are milliseconds. */
export class VerdictFreshness {
  readonly #options: ResolvedVerificationOptions;
  readonly #memory: VerdictMemory;

  constructor(options: ResolvedVerificationOptions, memory: VerdictMemory) {
    this.#options = options;
    this.#memory = memory;
  }

  /** The age up to which a verdict with this life is used on a route without asking again. */
  lifeMs(policy: AuthenticationPolicy, lifeMs: number): number {
    const most = policy.allowStale === false ? Math.min(lifeMs, this.#options.maxAgeMs) : lifeMs;
    return policy.maxAgeMs !== undefined && policy.maxAgeMs < most ? policy.maxAgeMs : most;
  }

  /** The age from which a use of a verdict renews it in the background. */
  renewAfterMs(policy: AuthenticationPolicy, { renewAfterMs }: RememberedAcceptance): number {
    if (policy.allowStale !== false) return renewAfterMs;
    return Math.min(renewAfterMs, this.#options.maxAgeMs * RENEW_AT);
  }

  /** Whether a verdict of this age and life answers a caller; for a renewal, whether it is not due for one again. */
  isFresh({ policy, renews }: Case, askedAt: Instant, lifeMs: number): boolean {
    const usedForMs = this.lifeMs(policy, lifeMs);
    return this.#memory.ageMs(askedAt) < (renews ? usedForMs / 2 : usedForMs);
  }

  /** The maximum age of a first verdict on a route, which may only tighten the module's. */
  maxAgeMs(policy: AuthenticationPolicy): number {
    const own = this.#options.maxAgeMs;
    return policy.maxAgeMs !== undefined && policy.maxAgeMs < own ? policy.maxAgeMs : own;
  }

  /** Time for which a known player is not asked about again after a request without a verdict, in milliseconds. */
  restMs(reason: UnknownReason): number {
    if (reason === 'unconfirmed_refusal') return SECOND_LOOK_MS;
    // Not sent because of others: its turn comes soon.
    return this.#options.maxAgeMs * (NOT_SENT.has(reason) ? NOT_SENT_REST : RENEW_AT);
  }
}
