import { LRUCache } from 'lru-cache';
import type { InvalidReason, UnknownReason } from '../../identity/reasons.js';
import type { Instant } from '../decision/instant.js';
import type { Acceptance } from '../decision/verdict.js';

/** What is remembered beside a yes. */
interface AcceptanceDetails {
  /** See {@link RememberedAcceptance.identity}. */
  readonly identity: string;
  readonly askedAt: Instant;
  /** How old a verdict may get on a route without demands of its own. */
  readonly maxAgeMs: number;
  /** Whether such a route takes this kind of token. */
  readonly isTakenByDefault: boolean;
}

/**
 * A yes of the identity system as it is remembered, with the instant at which the question was sent: it is at least
 * that old. Flat, since there is one for each player.
 */
export class RememberedAcceptance implements Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** The same for every request that it serves; deeply frozen. */
  readonly verdict: Acceptance;
  /** Under which the token is revoked, as 32 one-byte characters. */
  readonly identity: string;
  /** From this age on, milliseconds, a use of the entry has it asked again in the background. */
  renewAfterMs: number;
  /**
   * Until then (epoch milliseconds, and while it is younger than {@link renewAfterMs}) a route without demands of its
   * own needs no closer look at it; only a revocation could speak against it.
   */
  fastPathUntilMs: number;
  /** Up to this age it is not asked again, because its last question had no answer; 0 when that is not so. */
  restUntilMs = 0;
  /** When the token's exchange or refresh began, epoch milliseconds; undefined until that had to be looked up. */
  begunAtMs: number | undefined = undefined;
  /** The identity system refused the token since, once: a route that takes no older verdict does not take this one. */
  isDoubted = false;

  constructor(verdict: Acceptance, { identity, askedAt, maxAgeMs, isTakenByDefault }: AcceptanceDetails) {
    const expiresAtMs = verdict.principal.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    const lifeMs = Math.min(maxAgeMs, expiresAtMs - askedAt.wallMs);
    this.wallMs = askedAt.wallMs;
    this.monotonicMs = askedAt.monotonicMs;
    this.verdict = verdict;
    this.identity = identity;
    this.renewAfterMs = Math.floor(lifeMs * (RENEW_AT + RENEW_JITTER * (2 * Math.random() - 1)));
    this.fastPathUntilMs = isTakenByDefault
      ? Math.min(expiresAtMs, askedAt.wallMs + this.renewAfterMs)
      : Number.NEGATIVE_INFINITY;
  }

  /** The token was refused once: it is asked about again by the first use after the rest. */
  doubt(ageMs: number, restMs: number): void {
    this.isDoubted = true;
    this.fastPathUntilMs = Number.NEGATIVE_INFINITY;
    this.renewAfterMs = Math.min(this.renewAfterMs, ageMs);
    this.restUntilMs = ageMs + restMs;
  }
}

/** A no of the identity system. */
export interface RememberedRefusal {
  readonly reason: InvalidReason;
  readonly askedAt: Instant;
}

/** The absence of a verdict that stands for a while. */
export interface RememberedUnknown {
  readonly reason: UnknownReason;
  readonly askedAt: Instant;
  readonly restMs: number;
}

/** Share of its life after which a verdict in use is asked again in the background, and how far that varies. */
export const RENEW_AT = 0.7;
const RENEW_JITTER = 0.1;

const EXPIRED_TOKEN_TTL_MS = 300_000;
const INVALID_TOKEN_TTL_MS = 5_000;

/** How long a refusal serves: an expired token stays expired, an unknown one may be known to another node soon. */
export function refusalTtlMs(reason: InvalidReason): number {
  return reason === 'expired_token' ? EXPIRED_TOKEN_TTL_MS : INVALID_TOKEN_TTL_MS;
}

/**
 * What identity systems answered, by cache key. Refusals live apart, so that a flood of garbage tokens cannot push a
 * player's verdict out. Entries carry no lifetime: whoever reads one decides whether it may still serve.
 */
export class VerdictCache {
  readonly accepted: LRUCache<string, RememberedAcceptance>;
  readonly refused: LRUCache<string, RememberedRefusal>;
  readonly unknown: LRUCache<string, RememberedUnknown>;

  constructor(sizes: { readonly maxEntries: number; readonly negativeMaxEntries: number }) {
    this.accepted = new LRUCache({ max: sizes.maxEntries });
    this.refused = new LRUCache({ max: sizes.negativeMaxEntries });
    this.unknown = new LRUCache({ max: sizes.negativeMaxEntries });
  }
}
