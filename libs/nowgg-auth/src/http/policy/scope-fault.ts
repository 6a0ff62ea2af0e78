import { StoreUnavailableError, InsufficientScopeError } from '../../errors.js';
import type { NowggPrincipal } from '../../principal.js';
import { areScopesUnknown } from '../../verification/decision/unknown-scopes.js';

/** Time after which scopes that could not be looked up may be known, in seconds. */
const RETRY_S = 1;

/** The error when the caller lacks one of the scopes that a policy demands. */
export function scopeFaultOf(
  principal: NowggPrincipal,
  scopes: readonly string[],
): StoreUnavailableError | InsufficientScopeError | undefined {
  if (scopes.every((scope) => principal.scopes.includes(scope))) return undefined;
  // Scopes that could not be looked up may have been granted.
  return areScopesUnknown(principal) ? new StoreUnavailableError(RETRY_S) : new InsufficientScopeError(scopes);
}
