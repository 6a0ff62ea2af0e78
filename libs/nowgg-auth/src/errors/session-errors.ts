import { NowggAuthError } from './auth-error.js';

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
