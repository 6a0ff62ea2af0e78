// All errors of the library: the folders import this file, and no other part of `errors/`.
export {
  type NowggErrorCode,
  type NowggErrorBody,
  NowggAuthError,
  InvalidRequestError,
  InformationUnavailableError,
  NowggConfigurationError,
} from './errors/auth-error.js';
export {
  type InvalidTokenReason,
  InvalidTokenError,
  InsufficientUserAuthenticationError,
  InvalidProofError,
  InsufficientScopeError,
  WrongProviderError,
  ForbiddenCallerError,
} from './errors/token-errors.js';
export { type NowggBan, UserBannedError, FeatureBannedError, banHintsOf } from './errors/ban-errors.js';
export {
  ReauthenticationRequiredError,
  SignedInElsewhereError,
  SessionSupersededError,
  TooManySessionsError,
  InvalidGrantError,
  SessionNotFoundError,
} from './errors/session-errors.js';
export { SessionProofError } from './errors/proof-errors.js';
export {
  IdentityUnavailableError,
  StoreUnavailableError,
  GrantInDoubtError,
  PlayerUnavailableError,
  clampRetryAfter,
} from './errors/unavailable-errors.js';
export { hintsOfError, errorOfRefusal, errorOfUnknown } from './errors/verdict-errors.js';
