import type { NowggPrincipal } from '../../principal.js';

const unknown = new WeakSet<NowggPrincipal>();

/** Notes that the scopes of this caller's token could not be looked up: no scopes are no statement then. */
export function markScopesUnknown(principal: NowggPrincipal): void {
  unknown.add(principal);
}

/** Whether a scope that the caller lacks may have been granted: asked only where a scope is missing. */
export function areScopesUnknown(principal: NowggPrincipal): boolean {
  return unknown.has(principal);
}
