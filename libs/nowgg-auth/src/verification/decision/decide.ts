import { clampRetryAfter } from '../../errors.js';
import type { NowggPrincipal, TokenType } from '../../principal.js';
import { banOf } from '../../revocation/bans.js';
import type { RevocationView } from '../../revocation/revocation-feed.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { VerificationResult } from './verification-result.js';
import { lacksProof } from './bound-tokens.js';
import { acceptsTokenType } from './token-route.js';
import { type AuthenticationPolicy, invalid, type Verdict, type Acceptance } from './verdict.js';

/** Data for decisions about verified facts, in addition to the route and the time. */
export interface DecisionContext {
  readonly revocations: RevocationView;
  readonly acceptTokenTypes: readonly TokenType[];
  /** Tolerated difference between the clocks, milliseconds. */
  readonly clockSkewMs: number;
}

/** Up to this lead over our clock, in milliseconds, the clock may be wrong; beyond it, the token is wrong. */
const MOST_AHEAD_MS = 300_000;

const NO_AUTH_TIME =
  'tokens have no auth_time, which @NowggAuth({ maxAuthAgeMs }) needs: take id_tokens on that route (tokenType), or ' +
  'have the identity system state auth_time in its access tokens';

/**
 * Decides whether facts that were verified before are sufficient for this route at this moment.
 *
 * @param identity of the token, see {@link VerificationResult.identityOf}
 */
export function decide(
  verdict: Acceptance,
  identity: string,
  policy: AuthenticationPolicy,
  nowMs: number,
  { revocations, acceptTokenTypes }: DecisionContext,
  begunAtMs?: number,
): Verdict {
  const { principal } = verdict;
  // Before anything else: who cannot prove the key learns nothing about the token.
  if (principal.claims.cnf !== undefined && lacksProof(principal, policy)) return invalid('invalid_token');
  if (principal.expiresAt !== undefined && principal.expiresAt.getTime() <= nowMs) return invalid('expired_token');
  const isOfWrongType = !acceptsTokenType(principal.tokenType, policy, acceptTokenTypes);
  const isOfWrongProvider = policy.provider !== undefined && policy.provider !== principal.provider;
  if (revocations.refuses(principal, identity, nowMs, begunAtMs)) {
    // A token that is not good for this route learns nothing about a ban.
    const ban = isOfWrongType || isOfWrongProvider ? undefined : revocations.findBan(principal, identity, nowMs);
    if (ban) return { status: 'invalid', reason: 'user_banned', ban: banOf(ban.untilMs) };
    return invalid(revocations.causeOf(principal, identity, nowMs) ?? 'revoked_token');
  }
  if (isOfWrongType) return invalid('wrong_token_type');
  if (isOfWrongProvider) return invalid('wrong_provider');
  const { maxAuthAgeMs } = policy;
  if (maxAuthAgeMs !== undefined && !isRecentSignIn(principal, maxAuthAgeMs, nowMs)) {
    return { status: 'invalid', reason: 'insufficient_user_authentication', maxAuthAgeMs };
  }
  return verdict;
}

/** Providers whose tokens stated no time of the sign-in on a route that needs one. */
const withoutAuthTime = new Set<string>();

/**
 * Whether a token proves that the player signed in recently. One that does not state when cannot prove it, nor one that
 * names a time further ahead than our clock can be slow.
 */
function isRecentSignIn({ authTime, provider }: NowggPrincipal, maxAuthAgeMs: number, nowMs: number): boolean {
  if (authTime) {
    const ageMs = nowMs - authTime.getTime();
    return ageMs <= maxAuthAgeMs && ageMs >= -MOST_AHEAD_MS;
  }
  if (!withoutAuthTime.has(provider)) {
    withoutAuthTime.add(provider);
    publishSecurityEvent({ type: 'misconfigured_provider', provider, detail: NO_AUTH_TIME });
  }
  return false;
}

/** Lead of a token's time of issue over our clock, in milliseconds; 0 when it is within the tolerated difference. */
export function aheadMs({ principal }: Acceptance, nowMs: number, clockSkewMs: number): number {
  const ahead = (principal.issuedAt?.getTime() ?? nowMs) - nowMs;
  return ahead > clockSkewMs ? ahead : 0;
}

/**
 * The verdict about a token that was issued ahead of our clock. The token is not refused when our own clock may be
 * slow: then it is valid soon, and counts as issued before a sign-out of about this time.
 */
function decideAhead(aheadMs: number, provider: string, revocations: RevocationView): Verdict {
  publishSecurityEvent({ type: 'issued_in_the_future', provider });
  if (aheadMs > MOST_AHEAD_MS) return invalid('invalid_token');
  revocations.noteLead(provider, aheadMs);
  const retryAfterSeconds = clampRetryAfter(aheadMs / 1000);
  return { status: 'unknown', reason: 'issued_in_the_future', retryAfterSeconds };
}

/**
 * The decision for this route at this moment, by an identity system's answer.
 *
 * @param identity of the token; read only when the answer accepts the token
 */
export function decideAnswer(
  { verdict, acceptance }: VerificationResult,
  identity: () => string,
  policy: AuthenticationPolicy,
  nowMs: number,
  grounds: DecisionContext,
  begunAtMs?: number,
): Verdict {
  if (verdict.status === 'valid') {
    const accepted = acceptance as Acceptance;
    const ahead = aheadMs(accepted, nowMs, grounds.clockSkewMs);
    if (ahead > 0) return decideAhead(ahead, accepted.principal.provider, grounds.revocations);
    return decide(accepted, identity(), policy, nowMs, grounds, begunAtMs);
  }
  if (verdict.status === 'invalid') return invalid(verdict.reason);
  const retryAfterSeconds = clampRetryAfter((verdict.retryAfterMs ?? 0) / 1000);
  return { status: 'unknown', reason: verdict.reason, retryAfterSeconds };
}
