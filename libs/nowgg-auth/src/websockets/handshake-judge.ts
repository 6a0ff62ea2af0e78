import {
  errorOfRefusal,
  errorOfUnknown,
  InvalidRequestError,
  InvalidTokenError,
  type NowggAuthError,
} from '../errors.js';
import { publishSecurityEvent } from '../events/security-events.js';
import type { RoutePolicy } from '../http/policy/policy.js';
import { scopeFaultOf } from '../http/policy/scope-fault.js';
import type { CallCredential } from '../http/transport.js';
import type { NowggPrincipal } from '../principal.js';
import type { AuthenticationContext, Verdict } from '../verification/decision/verdict.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';

/** The outcome of a handshake: what its connection keeps, or the error that refuses it. */
export type HandshakeOutcome =
  | {
      readonly policy: RoutePolicy;
      readonly credential: CallCredential;
      /** Undefined for an anonymous caller and on a public gateway. */
      readonly principal: NowggPrincipal | undefined;
    }
  | { readonly error: NowggAuthError };

/**
 * Decides about a handshake by the policy of its gateway. A public gateway asks nothing: the credential is kept for
 * messages whose handlers need one. Never throws.
 */
export async function judgeHandshake(
  authenticator: NowggAuthenticator,
  policy: RoutePolicy,
  credential: CallCredential,
  context: AuthenticationContext,
): Promise<HandshakeOutcome> {
  const anonymous: HandshakeOutcome = { policy, credential, principal: undefined };
  if (policy.access === 'public') return anonymous;
  if (credential.outcome === 'failed') return { error: credential.error };
  if (credential.outcome === 'none') {
    return policy.access === 'optional' ? anonymous : { error: new InvalidTokenError('missing_token') };
  }
  if (credential.outcome === 'ambiguous') {
    publishSecurityEvent({ type: 'two_credentials' });
    return { error: new InvalidRequestError() };
  }
  const verdict = await verdictOf(authenticator, policy, credential, context);
  if (verdict.status === 'unknown') return { error: errorOfUnknown(verdict) };
  if (verdict.status === 'invalid') {
    return policy.access === 'optional' && policy.onInvalid === 'anonymous'
      ? { ...anonymous, credential: { outcome: 'none' } }
      : { error: errorOfRefusal(verdict) };
  }
  const { principal } = verdict;
  const error = scopeFaultOf(principal, policy.scopes);
  return error ? { error } : { policy, credential, principal };
}

async function verdictOf(
  authenticator: NowggAuthenticator,
  { authentication }: RoutePolicy,
  credential: CallCredential,
  context: AuthenticationContext,
): Promise<Verdict> {
  if (credential.outcome === 'held') return authenticator.authenticateHeld(credential.held, authentication, context);
  if (credential.outcome === 'token') return authenticator.authenticate(credential.token, authentication, context);
  return { status: 'invalid', reason: 'malformed_token' };
}
