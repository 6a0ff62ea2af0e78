import { HttpException } from '@nestjs/common';

/** Every `errorCode` that a response of this module can contain. The union is closed: switch over it exhaustively. */
export type NowggErrorCode =
  | 'missing_token'
  | 'malformed_token'
  | 'invalid_token'
  | 'expired_token'
  | 'revoked_token'
  | 'wrong_client'
  | 'wrong_token_type'
  | 'invalid_request'
  | 'insufficient_scope'
  | 'wrong_provider'
  | 'forbidden'
  | 'information_unavailable'
  | 'identity_unavailable'
  | 'invalid_grant'
  | 'reauthentication_required'
  | 'configuration'
  | 'store_unavailable'
  | 'grant_in_doubt'
  | 'user_banned'
  | 'feature_banned'
  | 'session_superseded'
  | 'signed_in_elsewhere'
  | 'insufficient_user_authentication';

/** The complete body of every error response. */
export interface NowggErrorBody {
  statusCode: number;
  message: string;
  errorCode: NowggErrorCode;
  /** With `grant_in_doubt` only: a front end may offer a new sign-in instead of waiting. */
  signInAllowed?: true;
  /** With `user_banned` and `feature_banned`, where the ban has a reason: its code, for a text in the player's language. */
  reasonCode?: string;
  /** With them, where the reason has a text. Show it as text, never as markup. */
  text?: string;
  /** With them, unless the ban lasts until it is lifted: when it ends, ISO 8601. */
  until?: string;
  /** With `feature_banned` only: the feature. */
  feature?: string;
  /** With `insufficient_user_authentication` only: how long ago the sign-in may be, in whole seconds. */
  maxAgeSeconds?: number;
}

/** A ban, as the banned player is told. */
export interface NowggBan {
  /** Absent for a ban that lasts until it is lifted. */
  readonly until?: Date;
  /** The code of its reason; absent for a ban without one, and while the reason cannot be read. */
  readonly reasonCode?: string;
  readonly text?: string;
}

/**
 * Base class of all errors of this module. The message is a fixed sentence without tokens, secrets, user data or
 * error objects of other libraries, so it may be logged and sent as it is.
 *
 * @example
 * ```ts
 * import { NowggAuthError } from 'nestjs-nowgg-auth';
 *
 * export function codeOf(error: unknown) {
 *   return error instanceof NowggAuthError ? error.errorCode : undefined;
 * }
 * ```
 */
export abstract class NowggAuthError extends HttpException {
  override readonly errorCode: NowggErrorCode;

  constructor(
    statusCode: number,
    message: string,
    errorCode: NowggErrorCode,
    hints: Omit<NowggErrorBody, 'statusCode' | 'message' | 'errorCode'> = {},
  ) {
    const body: NowggErrorBody = { statusCode, message, errorCode, ...hints };
    super(body, statusCode);
    this.errorCode = errorCode;
  }
}

/** The reasons for which a presented token is refused with a 401. */
export type InvalidTokenReason = Extract<
  NowggErrorCode,
  | 'missing_token'
  | 'malformed_token'
  | 'invalid_token'
  | 'expired_token'
  | 'revoked_token'
  | 'wrong_client'
  | 'wrong_token_type'
  | 'signed_in_elsewhere'
>;

const invalidTokenMessages: Readonly<Record<InvalidTokenReason, string>> = {
  missing_token: 'no bearer token was sent',
  malformed_token: 'the bearer token is malformed',
  invalid_token: 'the bearer token is not valid',
  expired_token: 'the bearer token has expired',
  revoked_token: 'the bearer token was revoked',
  wrong_client: 'the bearer token was issued for another application',
  wrong_token_type: 'this kind of token is not accepted here',
  signed_in_elsewhere: 'the player has signed in on another device, which ended this session',
};

/**
 * 401. The identity system refused the token, or it is unusable: malformed, expired, revoked, for another client.
 *
 * @example
 * ```ts
 * import { InvalidTokenError, NowggAccountService } from 'nestjs-nowgg-auth';
 *
 * export async function nameOf(accounts: NowggAccountService, token: string) {
 *   try {
 *     return (await accounts.getUserInfo(token)).name;
 *   } catch (error) {
 *     if (error instanceof InvalidTokenError) return undefined; // a new token is needed
 *     throw error;
 *   }
 * }
 * ```
 */
export class InvalidTokenError extends NowggAuthError {
  declare readonly errorCode: InvalidTokenReason;

  /** @param message for subclasses, what the response says instead */
  constructor(reason: InvalidTokenReason = 'invalid_token', message = invalidTokenMessages[reason]) {
    super(401, message, reason);
  }
}

/**
 * 401. The token is good, but the player's sign-in is too long ago for this route, or the token does not state when it was
 * (RFC 9470). A refreshed token does not help: the player signs in again, with `prompt: 'login'`.
 *
 * @example
 * ```ts
 * import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
 * import { InsufficientUserAuthenticationError } from 'nestjs-nowgg-auth';
 *
 * @Catch(InsufficientUserAuthenticationError)
 * export class ConfirmFilter implements ExceptionFilter {
 *   catch({ maxAgeSeconds }: InsufficientUserAuthenticationError, _host: ArgumentsHost) {
 *     throw new HttpException({ confirmWithin: maxAgeSeconds }, 401);
 *   }
 * }
 * ```
 */
export class InsufficientUserAuthenticationError extends NowggAuthError {
  /** How long ago the sign-in may be, in whole seconds: `max_age` of the `WWW-Authenticate` challenge. */
  readonly maxAgeSeconds: number;

  /** @param maxAuthAgeMs how long ago the sign-in may be, in milliseconds */
  constructor(maxAuthAgeMs: number) {
    const maxAgeSeconds = Math.floor(maxAuthAgeMs / 1000);
    super(401, 'this needs a more recent sign-in of the player', 'insufficient_user_authentication', { maxAgeSeconds });
    this.maxAgeSeconds = maxAgeSeconds;
  }
}

/**
 * 401. The proof of possession (DPoP, RFC 9449) that came with the token is missing or is not valid for this request. Says
 * nothing about the token: the client makes a new proof for each request.
 */
export class InvalidProofError extends InvalidTokenError {
  /** The check that failed, such as `address`; `nonce` when the next proof must contain the one of the response. */
  readonly fault: string;

  constructor(fault: string) {
    super('invalid_token', `the DPoP proof is not valid: ${fault}`);
    this.fault = fault;
  }
}

/** 400. The request itself is ambiguous or unusable: two credentials at once, or a body that the route cannot read. */
export class InvalidRequestError extends NowggAuthError {
  /** Whether the fault is in the credentials of the request. Only then the response has a `Bearer` challenge. */
  readonly isAboutCredentials: boolean;

  /** @param message what is wrong. Default: more than one credential was sent */
  constructor(message?: string) {
    super(400, message ?? 'more than one credential was sent', 'invalid_request');
    this.isAboutCredentials = message === undefined;
  }
}

/** 403. The token is valid but lacks a scope that the route requires. */
export class InsufficientScopeError extends NowggAuthError {
  /** The scopes that the route requires, as its `WWW-Authenticate` challenge names them. */
  readonly requiredScopes: readonly string[];

  constructor(requiredScopes: readonly string[]) {
    super(403, 'the bearer token lacks a required scope', 'insufficient_scope');
    this.requiredScopes = Object.freeze([...requiredScopes]);
  }
}

/**
 * 403. The token is valid, but the route takes tokens of another identity provider only. A new token does not help.
 *
 * @example
 * ```ts
 * import { type ExceptionFilter, Catch, type ArgumentsHost, HttpException } from '@nestjs/common';
 * import { WrongProviderError } from 'nestjs-nowgg-auth';
 *
 * @Catch(WrongProviderError)
 * export class AndroidOnlyFilter implements ExceptionFilter {
 *   catch(_error: WrongProviderError, _host: ArgumentsHost) {
 *     throw new HttpException('this is only for players of the Android game', 403);
 *   }
 * }
 * ```
 */
export class WrongProviderError extends NowggAuthError {
  constructor() {
    super(403, 'this route is for players of another identity provider', 'wrong_provider');
  }
}

/**
 * 403. The caller is authenticated, but a rule of the application refuses them: the hook `authorize`, or a decorator made
 * with `createCallerDecorator`. A new token does not help.
 *
 * @example
 * ```ts
 * import { ForbiddenCallerError } from 'nestjs-nowgg-auth';
 *
 * export function requireOwner(ownerId: string, userId: string) {
 *   if (ownerId !== userId) throw new ForbiddenCallerError();
 * }
 * ```
 */
export class ForbiddenCallerError extends NowggAuthError {
  constructor() {
    super(403, 'the application does not allow this to the caller', 'forbidden');
  }
}

/**
 * 403. The player is banned, by {@link NowggRevocationService.revoke} with `until`. Neither a new token nor a new sign-in
 * helps before the ban ends. Only a player with a token or a code that is good otherwise gets this answer.
 *
 * @example
 * ```ts
 * import { NowggTokenService, UserBannedError } from 'nestjs-nowgg-auth';
 *
 * export async function signIn(tokens: NowggTokenService, code: string) {
 *   try {
 *     return await tokens.exchangeCode(code);
 *   } catch (error) {
 *     if (error instanceof UserBannedError) return { bannedUntil: error.ban.until, why: error.ban.reasonCode };
 *     throw error;
 *   }
 * }
 * ```
 */
export class UserBannedError extends NowggAuthError {
  readonly ban: NowggBan;

  constructor(ban: NowggBan = {}) {
    super(403, 'the player is banned', 'user_banned', hintsOf(ban));
    this.ban = ban;
  }
}

/**
 * 403. The player is banned from a feature that the route requires with `@RequireFeature`. The rest of the application is
 * open to them; a new token does not help.
 */
export class FeatureBannedError extends NowggAuthError {
  readonly feature: string;
  readonly ban: NowggBan;

  constructor(feature: string, ban: NowggBan = {}) {
    super(403, 'the player is banned from this feature', 'feature_banned', { ...hintsOf(ban), feature });
    this.feature = feature;
    this.ban = ban;
  }
}

function hintsOf({ until, reasonCode, text }: NowggBan): Pick<NowggErrorBody, 'reasonCode' | 'text' | 'until'> {
  return {
    ...(reasonCode !== undefined && { reasonCode }),
    ...(text !== undefined && { text }),
    ...(until && { until: until.toISOString() }),
  };
}

/** The fields of an error's body that explain a ban; none for other errors. Not exported by the package. */
export function banHintsOf(error: NowggAuthError): Pick<NowggErrorBody, 'reasonCode' | 'text' | 'until' | 'feature'> {
  const { reasonCode, text, until, feature } = error.getResponse() as NowggErrorBody;
  return {
    ...(reasonCode !== undefined && { reasonCode }),
    ...(text !== undefined && { text }),
    ...(until !== undefined && { until }),
    ...(feature !== undefined && { feature }),
  };
}

/** The fields of an error's body that help its receiver to go on; none for most errors. Not exported by the package. */
export function hintsOfError(
  error: NowggAuthError,
): ReturnType<typeof banHintsOf> & Pick<NowggErrorBody, 'maxAgeSeconds'> {
  const { maxAgeSeconds } = error.getResponse() as NowggErrorBody;
  return { ...banHintsOf(error), ...(maxAgeSeconds !== undefined && { maxAgeSeconds }) };
}

/**
 * 403. The token is valid, but its identity system has no such account or session information for it: an id_token of
 * now.gg, for example, or a system without such an endpoint. Asking again does not help.
 *
 * @example
 * ```ts
 * import { InformationUnavailableError, NowggAccountService } from 'nestjs-nowgg-auth';
 *
 * export async function pictureOf(accounts: NowggAccountService, token: string) {
 *   try {
 *     return (await accounts.getUserInfo(token)).profilePicture;
 *   } catch (error) {
 *     if (error instanceof InformationUnavailableError) return undefined; // this player has none
 *     throw error;
 *   }
 * }
 * ```
 */
export class InformationUnavailableError extends NowggAuthError {
  constructor() {
    super(403, 'the identity system has no such information for this token', 'information_unavailable');
  }
}

/**
 * 401. The grant has ended, or the session handle is not one of this application: the player must sign in again.
 *
 * @example
 * ```ts
 * import { NowggTokenService, ReauthenticationRequiredError } from 'nestjs-nowgg-auth';
 *
 * export async function tokenOrNone(tokens: NowggTokenService, grantId: string) {
 *   try {
 *     return await tokens.getAccessToken(grantId);
 *   } catch (error) {
 *     if (error instanceof ReauthenticationRequiredError) return undefined; // the grant has ended
 *     throw error;
 *   }
 * }
 * ```
 */
export class ReauthenticationRequiredError extends NowggAuthError {
  /** @param errorCode for subclasses */
  constructor(
    message = 'the player has to sign in again',
    errorCode: 'reauthentication_required' | 'signed_in_elsewhere' | 'session_superseded' = 'reauthentication_required',
  ) {
    super(401, message, errorCode);
  }
}

/**
 * 401. The session has ended because its player signed in on another device, see `tokens.sessions.max`. A new sign-in here
 * would end that one.
 *
 * @example
 * ```ts
 * import { NowggTokenService, SignedInElsewhereError } from 'nestjs-nowgg-auth';
 *
 * export async function tokenOrReason(tokens: NowggTokenService, session: string) {
 *   try {
 *     const { grant } = await tokens.openSession(session);
 *     return { token: (await tokens.getAccessToken(grant.id)).token };
 *   } catch (error) {
 *     if (error instanceof SignedInElsewhereError) return { ended: 'you have signed in on another device' };
 *     throw error;
 *   }
 * }
 * ```
 */
export class SignedInElsewhereError extends ReauthenticationRequiredError {
  constructor() {
    super('the player has signed in on another device, which ended this session', 'signed_in_elsewhere');
  }
}

/**
 * 401. Two newer handles of this session were handed out since, see `tokens.sessions.rotation`. The front end reads its
 * storage again and repeats the request with `reread: true`; when that is superseded as well, the session has ended.
 *
 * @example
 * ```ts
 * import { NowggTokenService, SessionSupersededError } from 'nestjs-nowgg-auth';
 *
 * export async function openAgain(tokens: NowggTokenService, session: string, readStorage: () => string) {
 *   try {
 *     return await tokens.openSession(session);
 *   } catch (error) {
 *     if (error instanceof SessionSupersededError) return tokens.openSession(readStorage(), { reread: true });
 *     throw error;
 *   }
 * }
 * ```
 */
export class SessionSupersededError extends ReauthenticationRequiredError {
  constructor() {
    super('a newer handle of this session is in use, read it from the storage again', 'session_superseded');
  }
}

/**
 * 409 with `signed_in_elsewhere`. The player has as many sessions as `tokens.sessions.max` allows, and
 * `whenFull: 'refuse'` keeps them. Nothing has ended. The code is used: a later attempt needs a new one.
 *
 * @example
 * ```ts
 * import { NowggTokenService, TooManySessionsError } from 'nestjs-nowgg-auth';
 *
 * export async function signIn(tokens: NowggTokenService, code: string) {
 *   try {
 *     return await tokens.exchangeCode(code);
 *   } catch (error) {
 *     if (error instanceof TooManySessionsError) return { refused: 'sign out on your other device first' };
 *     throw error;
 *   }
 * }
 * ```
 */
export class TooManySessionsError extends NowggAuthError {
  constructor() {
    super(409, 'the player is signed in on as many devices as are allowed', 'signed_in_elsewhere');
  }
}

/**
 * 503. The identity system is not available, or, as {@link StoreUnavailableError}, the application's own store. This says
 * nothing about the token or the grant; try again after {@link retryAfterSeconds}. Never a reason to sign a player out.
 *
 * @example
 * ```ts
 * import { IdentityUnavailableError, NowggTokenService } from 'nestjs-nowgg-auth';
 *
 * export async function tokenOrDelay(tokens: NowggTokenService, grantId: string) {
 *   try {
 *     return await tokens.getAccessToken(grantId);
 *   } catch (error) {
 *     if (error instanceof IdentityUnavailableError) return { tryAgainInSeconds: error.retryAfterSeconds };
 *     throw error;
 *   }
 * }
 * ```
 */
export class IdentityUnavailableError extends NowggAuthError {
  /** Whole seconds, 1 to 60: the value of the `Retry-After` header. */
  readonly retryAfterSeconds: number;

  /** @param body for subclasses, what the response says instead */
  constructor(retryAfterSeconds = 1, { message, errorCode, ...hints }: UnavailableBody = UNAVAILABLE) {
    super(503, message, errorCode, hints);
    this.retryAfterSeconds = clampRetryAfter(retryAfterSeconds);
  }
}

type UnavailableBody = Omit<NowggErrorBody, 'statusCode'>;

const UNAVAILABLE: UnavailableBody = {
  message: 'the identity system is not available, try again later',
  errorCode: 'identity_unavailable',
};

/**
 * 503. The application's own database does not answer or refuses, or tokens in it cannot be read yet. This says nothing
 * about the token or the grant; try again after {@link retryAfterSeconds}. Never a reason to sign a player out.
 *
 * @example
 * ```ts
 * import { NowggTokenService, StoreUnavailableError } from 'nestjs-nowgg-auth';
 *
 * export async function tokenOrBlame(tokens: NowggTokenService, grantId: string) {
 *   try {
 *     return await tokens.getAccessToken(grantId);
 *   } catch (error) {
 *     if (error instanceof StoreUnavailableError) return { ourOwnFault: true }; // now.gg was not the reason
 *     throw error;
 *   }
 * }
 * ```
 */
export class StoreUnavailableError extends IdentityUnavailableError {
  constructor(retryAfterSeconds = 1) {
    super(retryAfterSeconds, {
      message: 'the database of this application is not available, try again later',
      errorCode: 'store_unavailable',
    });
  }
}

/**
 * 503. The identity system refuses the refresh token of a grant without a code that says why, and the access token is
 * over. Evidence decides within about 30 seconds whether the grant has ended; until then, try again after
 * {@link retryAfterSeconds}. The body has `signInAllowed: true`: the player may also sign in again at once, which creates
 * a new grant. Never a reason to sign a player out.
 *
 * @example
 * ```ts
 * import { GrantInDoubtError, NowggTokenService } from 'nestjs-nowgg-auth';
 *
 * export async function tokenOrOffer(tokens: NowggTokenService, grantId: string) {
 *   try {
 *     return await tokens.getAccessToken(grantId);
 *   } catch (error) {
 *     if (error instanceof GrantInDoubtError) return { offerSignIn: true, tryAgainInSeconds: error.retryAfterSeconds };
 *     throw error;
 *   }
 * }
 * ```
 */
export class GrantInDoubtError extends IdentityUnavailableError {
  constructor(retryAfterSeconds = 1) {
    super(retryAfterSeconds, {
      message: 'the identity system refuses to refresh this session, try again later or sign in again',
      errorCode: 'grant_in_doubt',
      signInAllowed: true,
    });
  }
}

/**
 * 503. The application's own user of the caller could not be resolved, or its rule about the caller did not answer: the
 * function of `resolveUser` or `authorize` failed or took too long. Says nothing about the token.
 */
export class PlayerUnavailableError extends IdentityUnavailableError {
  constructor(retryAfterSeconds = 1) {
    super(retryAfterSeconds, {
      message: 'the application cannot look the player up now, try again later',
      errorCode: 'store_unavailable',
    });
  }
}

/**
 * 400. The authorization code was refused; nothing was stored.
 *
 * @example
 * ```ts
 * import { InvalidGrantError, NowggTokenService } from 'nestjs-nowgg-auth';
 *
 * export async function signIn(tokens: NowggTokenService, code: string) {
 *   try {
 *     return await tokens.exchangeCode(code);
 *   } catch (error) {
 *     if (error instanceof InvalidGrantError) return undefined; // the game has to get a new code
 *     throw error;
 *   }
 * }
 * ```
 */
export class InvalidGrantError extends NowggAuthError {
  constructor(message = 'the authorization code was refused') {
    super(400, message, 'invalid_grant');
  }
}

/** 404 with `invalid_request`. The player has no such session: it has ended, is another player's, or never was. */
export class SessionNotFoundError extends NowggAuthError {
  constructor() {
    super(404, 'the player has no such session', 'invalid_request');
  }
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

/** 500. The application is configured incorrectly. The message says what to change and contains no option values. */
export class NowggConfigurationError extends NowggAuthError {
  constructor(message: string) {
    super(500, message, 'configuration');
  }
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

/** Rounds up to whole seconds and limits them to the range of this module's `Retry-After` header, 1 to 60. */
export function clampRetryAfter(seconds: number): number {
  if (Number.isNaN(seconds)) return 1;
  return Math.min(60, Math.max(1, Math.ceil(seconds)));
}
