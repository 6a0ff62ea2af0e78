import type { ResolvedNowggAuthOptions } from '../../options/options.js';
import { faultsOf, isText, oneOf, type Rule, type Rules, TRUE_OR_FALSE } from '../../rules.js';
import type { AuthenticationPolicy } from '../../verification/decision/verdict.js';

const DURATION: Rule = [
  (value) => typeof value === 'number' && Number.isFinite(value) && value >= 0,
  'must be a number of milliseconds, 0 or more',
];

const POLICY: Rules<keyof AuthenticationPolicy> = {
  maxAgeMs: DURATION,
  maxAuthAgeMs: DURATION,
  allowStale: TRUE_OR_FALSE,
  tokenType: [oneOf('token', 'id_token'), 'must be token or id_token'],
  provider: [isText, 'must be the name of an identity provider'],
};

/** Every fault of a policy, independent of the module's options. */
export function policyFaults(policy: AuthenticationPolicy): string[] {
  return faultsOf(POLICY, policy);
}

/** Finds a conflict of a route's policy with the module's options: the policy may tighten them, not widen them. */
export function findPolicyMismatch(
  policy: AuthenticationPolicy,
  options: ResolvedNowggAuthOptions,
): string | undefined {
  if (policy.provider !== undefined && !options.identityProviders.some(({ name }) => name === policy.provider)) {
    return 'provider names an identity provider that the module does not have';
  }
  if (policy.maxAgeMs !== undefined && policy.maxAgeMs > options.verification.maxAgeMs) {
    return "maxAgeMs is longer than the module's verification.maxAgeMs: a route may only tighten it";
  }
  return undefined;
}
