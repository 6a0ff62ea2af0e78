import { NowggAuthError, type NowggErrorCode } from './auth-error.js';

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
