import { type NowggAuthError, NowggConfigurationError, type NowggErrorBody } from './auth-error.js';
import { banHintsOf, type NowggBan, UserBannedError } from './ban-errors.js';
import {
  InsufficientUserAuthenticationError,
  InvalidProofError,
  InvalidTokenError,
  type InvalidTokenReason,
  WrongProviderError,
} from './token-errors.js';
import { IdentityUnavailableError, StoreUnavailableError } from './unavailable-errors.js';

/** The fields of an error's body that help its receiver to go on; none for most errors. Not exported by the package. */
export function hintsOfError(
  error: NowggAuthError,
): ReturnType<typeof banHintsOf> & Pick<NowggErrorBody, 'maxAgeSeconds'> {
  const { maxAgeSeconds } = error.getResponse() as NowggErrorBody;
  return { ...banHintsOf(error), ...(maxAgeSeconds !== undefined && { maxAgeSeconds }) };
}

/** A refusal of a token, and the ban that it explains. */
type Refusal =
  | { readonly reason: InvalidTokenReason | 'wrong_provider' }
  | { readonly reason: 'user_banned'; readonly ban: NowggBan }
  | { readonly reason: 'insufficient_user_authentication'; readonly maxAuthAgeMs: number }
  | { readonly reason: 'invalid_proof'; readonly fault: string };

/** The error that answers a refused token: 403 where neither a new token nor a new sign-in helps, otherwise 401. */
export function errorOfRefusal(
  refusal: Refusal,
): InvalidTokenError | WrongProviderError | UserBannedError | InsufficientUserAuthenticationError {
  if (refusal.reason === 'user_banned') return new UserBannedError(refusal.ban);
  if (refusal.reason === 'insufficient_user_authentication') {
    return new InsufficientUserAuthenticationError(refusal.maxAuthAgeMs);
  }
  if (refusal.reason === 'invalid_proof') return new InvalidProofError(refusal.fault);
  return refusal.reason === 'wrong_provider' ? new WrongProviderError() : new InvalidTokenError(refusal.reason);
}

/**
 * The error for a verdict that could not be reached: 503 for everything that passes, 500 when the identity system works
 * and the options do not fit it. Not exported by the package.
 */
export function errorOfUnknown(verdict: {
  readonly reason: string;
  readonly retryAfterSeconds?: number;
}): NowggAuthError {
  switch (verdict.reason) {
    case 'misconfigured':
      return new NowggConfigurationError(
        'the options do not fit the identity system: see the event misconfigured_provider',
      );
    case 'revocations_unknown':
      return new StoreUnavailableError(verdict.retryAfterSeconds);
    default:
      return new IdentityUnavailableError(verdict.retryAfterSeconds);
  }
}
