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
  | 'invalid_dpop_proof'
  | 'use_dpop_nonce'
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
  /** With `use_dpop_nonce` only: what the next proof must contain. */
  nonce?: string;
  /** With `insufficient_user_authentication` only: how long ago the sign-in may be, in whole seconds. */
  maxAgeSeconds?: number;
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

/** 500. The application is configured incorrectly. The message says what to change and contains no option values. */
export class NowggConfigurationError extends NowggAuthError {
  constructor(message: string) {
    super(500, message, 'configuration');
  }
}
