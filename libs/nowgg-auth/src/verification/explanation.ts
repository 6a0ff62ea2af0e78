import type { IdentityProviders } from '../identity/identity-providers.js';
import type { RefusalReason, UnknownReason } from '../identity/reasons.js';
import { readTimeClaim } from '../identity/claims.js';
import { decodeUnverifiedJws } from '../identity/unverified-jws.js';
import type { NowggPrincipal, TokenType } from '../principal.js';
import { isBearerToken, tokenDigest } from '../identity/token-text.js';
import type { Verdict } from './decision/verdict.js';
import { type VerdictCache } from './cache/verdict-cache.js';
import { fingerprintOf } from './verification-events.js';
import { ageMs, type Instant } from './decision/verification-result.js';

/** The reason why a token is accepted or refused, for support staff. Contains neither the token nor a part of it. */
export interface VerdictExplanation {
  /** The fingerprint that events use for this token. */
  readonly fingerprint: string;
  readonly outcome: Verdict['status'];
  readonly reason: RefusalReason | UnknownReason | undefined;
  /** Whether it has the form of a bearer token at all. */
  readonly wellFormed: boolean;
  /** Claims of the token, unverified; undefined for an opaque one. */
  readonly claimed:
    | {
        /** Name of the provider that issuer and audience point to. */
        readonly provider: string | undefined;
        readonly issuedAt: Date | undefined;
        readonly expiresAt: Date | undefined;
      }
    | undefined;
  /** The cached entry of the token before this request. */
  readonly remembered: { readonly as: 'accepted' | 'refused'; readonly ageMs: number } | undefined;
  /** Verified facts, when the outcome is `valid`. */
  readonly verified:
    | {
        readonly provider: string;
        readonly userId: string;
        readonly tokenType: TokenType;
        readonly expiresAt: Date | undefined;
      }
    | undefined;
}

/** What this process remembers about a token, and what it answers by that. */
export interface RememberedVerdict {
  readonly verdict: Verdict;
  /** Whether a route without requirements is answered from memory; otherwise the identity system is asked. */
  readonly isFresh: boolean;
  readonly ageMs: number | undefined;
  /** The player, where the identity system has named them once. */
  readonly principal: NowggPrincipal | undefined;
}

/** Builds the explanation of a token; `verdict` is the decision of this moment. */
export function explanationOf(
  token: string,
  verdict: Verdict,
  known: { readonly providers?: IdentityProviders; readonly remembered?: VerdictExplanation['remembered'] } = {},
): VerdictExplanation {
  return {
    fingerprint: fingerprintOf(tokenDigest(token)),
    outcome: verdict.status,
    reason: verdict.status === 'valid' ? undefined : verdict.reason,
    wellFormed: isBearerToken(token),
    claimed: claimedBy(token, known.providers),
    remembered: known.remembered,
    verified: verdict.status === 'valid' ? verifiedBy(verdict) : undefined,
  };
}

function claimedBy(token: string, providers: IdentityProviders | undefined): VerdictExplanation['claimed'] {
  const jws = decodeUnverifiedJws(token);
  if (!jws) return undefined;
  const time = (claim: unknown) => {
    const ms = readTimeClaim(claim);
    return ms === undefined ? undefined : new Date(ms);
  };
  return {
    provider: providers?.findRecognising(jws)?.name,
    issuedAt: time(jws.claims.iat),
    expiresAt: time(jws.claims.exp),
  };
}

function verifiedBy({ principal }: Extract<Verdict, { status: 'valid' }>): VerdictExplanation['verified'] {
  const { provider, userId, tokenType, expiresAt } = principal;
  return { provider, userId, tokenType, expiresAt };
}

/** The cached entry of a key. Reading it does not count as a use. */
export function rememberedOf(cache: VerdictCache, key: string, now: Instant): VerdictExplanation['remembered'] {
  const age = (since: Instant) => ageMs(since, now.wallMs, now.monotonicMs);
  const accepted = cache.accepted.peek(key);
  if (accepted) return { as: 'accepted', ageMs: age(accepted) };
  const refused = cache.refused.peek(key);
  return refused && { as: 'refused', ageMs: age(refused.askedAt) };
}
