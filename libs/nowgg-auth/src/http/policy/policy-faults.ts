import type { ResolvedNowggAuthOptions } from '../../options/options.js';
import type { AuthenticationPolicy } from '../../verification/decision/verdict.js';

const isDuration = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0;

/** The rule for each field of a policy. */
const RULES: Readonly<Record<keyof AuthenticationPolicy, readonly [(value: unknown) => boolean, string]>> = {
  maxAgeMs: [isDuration, 'a number of milliseconds, 0 or more'],
  maxAuthAgeMs: [isDuration, 'a number of milliseconds, 0 or more'],
  allowStale: [(value) => typeof value === 'boolean', 'true or false'],
  tokenType: [(value) => value === 'token' || value === 'id_token', 'token or id_token'],
  provider: [(value) => typeof value === 'string' && value !== '', 'the name of an identity provider'],
};

/** Finds an error in a policy, independent of the module's options; undefined when there is none. */
export function findPolicyFault(policy: AuthenticationPolicy): string | undefined {
  for (const [field, value] of Object.entries(policy)) {
    if (!Object.hasOwn(RULES, field)) return `${field} is not a field of a route's policy`;
    const [isGood, description] = RULES[field as keyof AuthenticationPolicy];
    if (value !== undefined && !isGood(value)) return `${field} must be ${description}`;
  }
  return undefined;
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
