import { boundThumbprint, isBound } from '../../identity/proof-of-possession.js';
import type { NowggPrincipal } from '../../principal.js';
import type { AuthenticationPolicy } from './verdict.js';

/** The key that a request has proven, by the policy of its decision: no option of an application can state one. */
const provenKeys = new WeakMap<AuthenticationPolicy, string>();

/** The same requirements, for one request that has proven possession of a key. */
export function withProvenKey(policy: AuthenticationPolicy, thumbprint: string): AuthenticationPolicy {
  const proven = Object.freeze({ ...policy });
  provenKeys.set(proven, thumbprint);
  return proven;
}

/** Whether a token is bound to a key that this request has not proven. */
export function lacksProof({ claims }: NowggPrincipal, policy: AuthenticationPolicy): boolean {
  return isBound(claims) && (boundThumbprint(claims.cnf) ?? '') !== provenKeys.get(policy);
}

/** Whether the caller's token is bound to a key. */
export function isBoundCaller({ claims }: NowggPrincipal): boolean {
  return isBound(claims);
}
