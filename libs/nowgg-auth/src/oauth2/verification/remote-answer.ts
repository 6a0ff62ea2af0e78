import { WWWAuthenticateChallengeError } from 'openid-client';
import { ownProperty } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { InvalidReason } from '../../identity/reasons.js';
import type { IdentityCall } from '../endpoints/identity-call.js';

/** A no about the token that was shown as the only credential: it proves nothing about our own ones. */
export function refusedToken(reason: InvalidReason = 'invalid_token'): IdentityVerdict {
  return { status: 'invalid', reason, independentOfClient: true };
}

/** A reply that is no well-formed answer, or none at all. */
export function noAnswer(call: IdentityCall): IdentityVerdict {
  return { reason: 'invalid_response', ...call.failure(), status: 'unknown' };
}

/**
 * What a protected resource of the identity system says by refusing a token: a 401, or the codes of RFC 6750 section
 * 3.1 that are about the token, are a no. A token without the scope that the resource needs names nobody to us, so that
 * is a no as well. Everything else says nothing.
 */
export function readRefusal(call: IdentityCall, error: unknown): IdentityVerdict {
  if (call.failure()) return noAnswer(call);
  if (call.statusCode === 401) return refusedToken();
  const isRefused = codesOf(call, error).some((code) => code === 'invalid_token' || code === 'insufficient_scope');
  return isRefused ? refusedToken() : noAnswer(call);
}

/** Whether a protected resource knows the token but wants another scope: a 403 with the code of RFC 6750 section 3.1. */
export function saysInsufficientScope(call: IdentityCall, error: unknown): boolean {
  return call.statusCode === 403 && codesOf(call, error).includes('insufficient_scope');
}

function codesOf(call: IdentityCall, error: unknown): readonly unknown[] {
  return [ownProperty(call.json, 'error'), ...challengesOf(error)];
}

function challengesOf(error: unknown): readonly unknown[] {
  return error instanceof WWWAuthenticateChallengeError ? error.cause.map(({ parameters }) => parameters.error) : [];
}
