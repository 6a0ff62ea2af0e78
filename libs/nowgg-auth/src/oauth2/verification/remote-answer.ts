import { WWWAuthenticateChallengeError } from 'openid-client';
import { ownProperty } from '../../identity/claims.js';
import type { IdentityVerdict } from '../../identity/identity-provider.js';
import type { InvalidReason } from '../../identity/reasons.js';
import { MISCONFIGURATIONS } from '../endpoints/misconfiguration.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import type { IdentityCall } from '../endpoints/identity-call.js';

/** A refusal of a token that was verified without our credentials, so that it proves nothing about them. */
export function refusedToken(reason: InvalidReason = 'invalid_token'): Extract<IdentityVerdict, { status: 'invalid' }> {
  return { status: 'invalid', reason, independentOfClient: true };
}

/** A refusal of a token that the system itself accepts, or that is spelled in another way: it is not cached. */
export function ownFinding(reason: InvalidReason): IdentityVerdict {
  return { ...refusedToken(reason), isOwnFinding: true };
}

/** The verdict without a well-formed answer, or without any reply. */
export function noAnswer(call: IdentityCall): IdentityVerdict {
  return { reason: 'invalid_response', ...call.failure(), status: 'unknown' };
}

/** The verdict without a well-formed answer; a reply of this media type is a lasting fault of the configuration. */
export function noAnswerAs(
  client: OAuth2Client,
  call: IdentityCall,
  mediaType: string,
  fault: keyof typeof MISCONFIGURATIONS,
): IdentityVerdict {
  if (call.statusCode !== 200 || call.contentType !== mediaType) return noAnswer(call);
  client.reportMisconfiguration(MISCONFIGURATIONS[fault]);
  return { status: 'unknown', reason: 'misconfigured' };
}

/**
 * Reads the refusal of a token by a protected resource of the identity system. A 401, or a code of RFC 6750 section 3.1
 * about the token, refuses it. A token without the scope that the resource needs does not identify a user to us, so it
 * is refused as well. Everything else says nothing.
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
