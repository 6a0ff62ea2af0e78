import { clampRetryAfter } from '../errors.js';
import type { TokenType } from '../principal.js';
import type { RevocationView } from '../revocation/revocation-feed.js';
import type { Answer } from './answer.js';
import { acceptsTokenType } from './destination.js';
import { type AuthenticationPolicy, invalid, type Verdict } from './verdict.js';
import type { Acceptance } from './verdict-cache.js';

/** What decides about verified facts beside the route and the moment. */
export interface Grounds {
  readonly revocations: RevocationView;
  readonly acceptTokenTypes: readonly TokenType[];
}

/**
 * Whether facts that were once verified do for this route and at this moment.
 *
 * @param identity of the token, see {@link Answer.identityOf}
 */
export function decide(
  verdict: Acceptance,
  identity: string,
  policy: AuthenticationPolicy,
  nowMs: number,
  { revocations, acceptTokenTypes }: Grounds,
): Verdict {
  const { principal } = verdict;
  if (principal.expiresAt !== undefined && principal.expiresAt.getTime() <= nowMs) return invalid('expired_token');
  if (revocations.refuses(principal, identity, nowMs)) return invalid('revoked_token');
  if (!acceptsTokenType(principal.tokenType, policy, acceptTokenTypes)) return invalid('wrong_token_type');
  if (policy.provider !== undefined && policy.provider !== principal.provider) return invalid('wrong_client');
  if (policy.maxAuthAgeMs !== undefined) {
    // A token that does not tell when the player signed in cannot prove that it was recent.
    const signedInAt = principal.authTime?.getTime() ?? Number.NEGATIVE_INFINITY;
    if (nowMs - signedInAt > policy.maxAuthAgeMs) return invalid('expired_token');
  }
  return verdict;
}

/**
 * The decision that an identity system's answer gives for this route and at this moment.
 *
 * @param identity of the token; looked at only when the answer is a yes
 */
export function decideAnswer(
  { verdict, acceptance }: Answer,
  identity: () => string,
  policy: AuthenticationPolicy,
  nowMs: number,
  grounds: Grounds,
): Verdict {
  if (verdict.status === 'valid') return decide(acceptance as Acceptance, identity(), policy, nowMs, grounds);
  if (verdict.status === 'invalid') return invalid(verdict.reason);
  const retryAfterSeconds = clampRetryAfter((verdict.retryAfterMs ?? 0) / 1000);
  return { status: 'unknown', reason: verdict.reason, retryAfterSeconds };
}
