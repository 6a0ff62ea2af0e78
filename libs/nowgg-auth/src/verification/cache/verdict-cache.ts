import { verificationCounts } from '../../events/verification-counts.js';
import { LRUCache } from 'lru-cache';
import type { InvalidReason, UnknownReason } from '../../identity/reasons.js';
import { isBoundCaller } from '../decision/bound-tokens.js';
import { areScopesUnknown } from '../decision/unknown-scopes.js';
import type { Instant } from '../decision/verification-result.js';
import type { Acceptance } from '../decision/verdict.js';
import type { TokenType } from '../../principal.js';

/** Data that is stored with an acceptance. */
interface AcceptanceDetails {
  /** See {@link RememberedAcceptance.identity}. */
  readonly identity: string;
  /** See {@link RememberedAcceptance.askedAs}. */
  readonly askedAs: TokenType;
  readonly askedAt: Instant;
  /** See {@link RememberedAcceptance.lifeMs}. */
  readonly lifeMs: number;
  /** Whether it is longer than that of the first verdict about a token. */
  readonly hasGrown: boolean;
  /** Whether such a route accepts this kind of token. */
  readonly isTakenByDefault: boolean;
}

/**
 * A cached acceptance by the identity system, with the instant at which the request was sent: it is at least that old.
 * A flat object, since there is one for each player.
 */
export class RememberedAcceptance implements Instant {
  readonly wallMs: number;
  readonly monotonicMs: number;
  /** One object for every request that it serves; deeply frozen. Replaced only by {@link settleScopes}. */
  verdict: Acceptance;
  /** Identity under which the token can be revoked, as 32 one-byte characters. */
  readonly identity: string;
  /** The kind of token that the identity system was asked about. */
  readonly askedAs: TokenType;
  /** Age in milliseconds up to which it is used without asking again, on a route without requirements of its own. */
  readonly lifeMs: number;
  /** Age in milliseconds from which a use of the entry renews it in the background. */
  renewAfterMs: number;
  /**
   * Until this time (epoch milliseconds, and while the entry is younger than {@link renewAfterMs}) a route without
   * requirements of its own checks only revocations.
   */
  fastPathUntilMs: number;
  /** Age up to which the token is not asked about again, because its last request had no answer; otherwise 0. */
  restUntilMs = 0;
  /** When the token's exchange or refresh began, in epoch milliseconds; undefined until it had to be looked up. */
  begunAtMs: number | undefined = undefined;
  /** Whether the identity system has refused the token once since: routes that take no older verdict do not take it. */
  isDoubted = false;
  /** Whether the scopes that were granted with the token could not be looked up. */
  areScopesUnknown: boolean;

  constructor(verdict: Acceptance, details: AcceptanceDetails) {
    const { identity, askedAs, askedAt, lifeMs, hasGrown, isTakenByDefault } = details;
    const expiresAtMs = verdict.principal.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
    const usedForMs = Math.min(lifeMs, expiresAtMs - askedAt.wallMs);
    const { at, variation } = hasGrown ? RENEW_GROWN : RENEW_FIRST;
    this.wallMs = askedAt.wallMs;
    this.monotonicMs = askedAt.monotonicMs;
    this.verdict = verdict;
    this.identity = identity;
    this.askedAs = askedAs;
    this.lifeMs = lifeMs;
    this.areScopesUnknown = areScopesUnknown(verdict.principal);
    this.renewAfterMs = Math.floor(usedForMs * (at + variation * spreadOf(identity)));
    // While its scopes are unknown, each use of it may look them up.
    // A token that is bound to a key is decided about with the proof of each request.
    const hasFastPath = isTakenByDefault && !this.areScopesUnknown && !isBoundCaller(verdict.principal);
    this.fastPathUntilMs = hasFastPath
      ? Math.min(expiresAtMs, askedAt.wallMs + this.renewAfterMs)
      : Number.NEGATIVE_INFINITY;
  }

  /** Takes the same verdict with the scopes that were granted with the token. */
  settleScopes(verdict: Acceptance): void {
    this.verdict = verdict;
    this.areScopesUnknown = false;
  }

  /** Notes that the token was refused once: the first use after the rest asks about it again. */
  doubt(ageMs: number, restMs: number): void {
    this.isDoubted = true;
    this.fastPathUntilMs = Number.NEGATIVE_INFINITY;
    this.renewAfterMs = Math.min(this.renewAfterMs, ageMs);
    this.restUntilMs = ageMs + restMs;
  }
}

/** A cached refusal by the identity system. */
interface RememberedRefusal {
  readonly reason: InvalidReason;
  readonly askedAt: Instant;
}

/** A missing verdict that applies for a short time. */
interface RememberedUnknown {
  readonly reason: UnknownReason;
  readonly askedAt: Instant;
  readonly restMs: number;
}

/** Share of its life after which a verdict in use is renewed in the background, and the variation of that share. */
const RENEW_FIRST = { at: 0.7, variation: 0.1 };
/** The last twentieth of the longest life takes as much time as the last third of the first one. */
const RENEW_GROWN = { at: 0.95, variation: 0.03 };
/** Share of the first life after which verdicts are renewed, and failed requests repeated. */
export const RENEW_AT = RENEW_FIRST.at;

/**
 * A value from -1 to 1 that spreads the renewals of different tokens. It is the same in all processes: if each chose its
 * own, the earliest of many would renew a shared verdict too early.
 */
function spreadOf(identity: string): number {
  return identity.charCodeAt(0) / 127.5 - 1;
}

const EXPIRED_TOKEN_TTL_MS = 300_000;
const INVALID_TOKEN_TTL_MS = 5_000;

/** Time for which a refusal serves: an expired token stays expired, another node may soon know an unknown one. */
export function refusalTtlMs(reason: InvalidReason): number {
  return reason === 'expired_token' ? EXPIRED_TOKEN_TTL_MS : INVALID_TOKEN_TTL_MS;
}

/**
 * Answers of identity systems, by cache key. Refusals are stored apart, so that a flood of garbage tokens cannot evict
 * a player's verdict. Entries have no lifetime: the reader decides whether an entry may still serve.
 */
export class VerdictCache {
  readonly accepted: LRUCache<string, RememberedAcceptance>;
  readonly refused: LRUCache<string, RememberedRefusal>;
  readonly unknown: LRUCache<string, RememberedUnknown>;

  constructor(sizes: { readonly maxEntries: number; readonly negativeMaxEntries: number }) {
    this.accepted = new LRUCache({
      max: sizes.maxEntries,
      dispose: (_entry, _key, reason) => {
        if (reason === 'evict') verificationCounts.evictions += 1;
      },
    });
    this.refused = new LRUCache({ max: sizes.negativeMaxEntries });
    this.unknown = new LRUCache({ max: sizes.negativeMaxEntries });
  }
}

/** The parts of a key in addition to the token: the provider and the kind of token that the route requires. */
export interface KeyScope {
  readonly provider?: string | undefined;
  readonly tokenType?: TokenType | undefined;
}

/**
 * Key of a token's verdict under a route's requirements: the digest alone when the route has none, otherwise the
 * requirements and the digest. The digest's length is fixed, so two different requests never share a key.
 */
export function cacheKey({ provider, tokenType }: KeyScope, digest: string): string {
  if (provider === undefined && tokenType === undefined) return digest;
  return `${tokenType ?? 'auto'}${provider === undefined ? '' : `/${provider}`}:${digest}`;
}

/** Key of the verdict about a token of this kind by this provider, for all routes whose requirements lead there. */
export function questionKey(
  provider: string,
  { tokenType, digest }: { readonly tokenType: TokenType; readonly digest: string },
): string {
  return cacheKey({ provider, tokenType }, digest);
}

/** Every key under which a token may be cached: one for each set of requirements that a route can have. */
export function everyCacheKey(providers: readonly string[], digest: string): readonly string[] {
  return [undefined, ...providers].flatMap((provider) =>
    ([undefined, 'token', 'id_token'] as const).map((tokenType) => cacheKey({ provider, tokenType }, digest)),
  );
}
