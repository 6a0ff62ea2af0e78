import { clampRetryAfter } from '../../errors.js';
import type { TokenType } from '../../principal.js';
import type { RevocationView } from '../../revocation/revocation-feed.js';
import { publishSecurityEvent } from '../../events/security-events.js';
import type { VerificationResult } from './verification-result.js';
import { acceptsTokenType } from './token-route.js';
import { type AuthenticationPolicy, invalid, type Verdict, type Acceptance } from './verdict.js';

/** What decides about verified facts beside the route and the moment. */
export interface DecisionContext {
  readonly revocations: RevocationView;
  readonly acceptTokenTypes: readonly TokenType[];
  /** Tolerated difference between the clocks, milliseconds. */
  readonly clockSkewMs: number;
}

/** Up to so far ahead of our clock, the clock may be wrong; beyond, the token is. */
const MOST_AHEAD_MS = 300_000;

/**
 * Whether facts that were once verified do for this route and at this moment.
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
  if (principal.expiresAt !== undefined && principal.expiresAt.getTime() <= nowMs) return invalid('expired_token');
  if (revocations.refuses(principal, identity, nowMs, begunAtMs)) return invalid('revoked_token');
  if (!acceptsTokenType(principal.tokenType, policy, acceptTokenTypes)) return invalid('wrong_token_type');
  if (policy.provider !== undefined && policy.provider !== principal.provider) return invalid('wrong_client');
  if (policy.maxAuthAgeMs !== undefined) {
    // A token that does not tell when the player signed in cannot prove that it was recent.
    const signedInAt = principal.authTime?.getTime() ?? Number.NEGATIVE_INFINITY;
    if (nowMs - signedInAt > policy.maxAuthAgeMs) return invalid('expired_token');
  }
  return verdict;
}

/** How far beyond the tolerated difference a token was issued ahead of our clock, milliseconds; 0 for one that was not. */
export function aheadMs({ principal }: Acceptance, nowMs: number, clockSkewMs: number): number {
  const ahead = (principal.issuedAt?.getTime() ?? nowMs) - nowMs;
  return ahead > clockSkewMs ? ahead : 0;
}

/**
 * The verdict about a token that was issued ahead of our clock. Not refused where our own clock may be slow: then it is
 * good soon, and counts as issued before a sign-out of about this time.
 */
function decideAhead(aheadMs: number, provider: string, revocations: RevocationView): Verdict {
  publishSecurityEvent({ type: 'issued_in_the_future', provider });
  if (aheadMs > MOST_AHEAD_MS) return invalid('invalid_token');
  revocations.noteLead(provider, aheadMs);
  const retryAfterSeconds = clampRetryAfter(aheadMs / 1000);
  return { status: 'unknown', reason: 'issued_in_the_future', retryAfterSeconds };
}

/**
 * The decision that an identity system's answer gives for this route and at this moment.
 *
 * @param identity of the token; looked at only when the answer is a yes
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
