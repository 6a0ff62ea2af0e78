/** Base class of this package's own errors. No message contains a token, a code or the text of a reply. */
export abstract class SessionClientError extends Error {}

/** What the backend says about the end of a session, or about a request that it refused. */
export interface RefusalDetails {
  /** Such as `user_banned`, `signed_in_elsewhere` or `reauthentication_required`. */
  readonly errorCode?: string;
  /** Code of the reason of a ban: show a text in the player's language by it. */
  readonly reasonCode?: string;
  /** Text of the reason, for a page that does not know the code. Show it as text, never as markup. */
  readonly text?: string;
  /** When the ban ends, ISO 8601; absent for one that lasts until it is lifted. */
  readonly until?: string;
}

/**
 * There is no session: no player has signed in, or the player has to sign in again. The only error after which
 * `sessionState` is `NO_SESSION`.
 *
 * @example
 * ```ts
 * import { NoSessionError, type SessionClient } from 'nowgg-auth-client';
 *
 * export async function profile(session: SessionClient) {
 *   try {
 *     return await session.fetchPrincipal();
 *   } catch (error) {
 *     if (error instanceof NoSessionError) return undefined; // show the sign-in button
 *     throw error;
 *   }
 * }
 * ```
 */
export class NoSessionError extends SessionClientError {
  override readonly name = 'NoSessionError';
  /** Why the backend ended the session, when it has just done so. */
  readonly details: RefusalDetails | undefined;

  constructor(message = 'there is no session', details?: RefusalDetails) {
    super(message);
    this.details = details;
  }
}

/**
 * The backend gave no usable answer: offline, too slow, a 5xx, a 429 or an invalid response. The session is not
 * affected and stays. Try again after {@link retryAfterSeconds}.
 *
 * @example
 * ```ts
 * import { type SessionClient, SessionUnavailableError } from 'nowgg-auth-client';
 *
 * export async function load(session: SessionClient) {
 *   try {
 *     return await session.fetchPrincipal();
 *   } catch (error) {
 *     if (error instanceof SessionUnavailableError) return { tryAgainInSeconds: error.retryAfterSeconds };
 *     throw error;
 *   }
 * }
 * ```
 */
export class SessionUnavailableError extends SessionClientError {
  override readonly name = 'SessionUnavailableError';
  /** Delay in whole seconds, 1 to 60: the backend's `Retry-After` if it could be read, otherwise 1. */
  readonly retryAfterSeconds: number;
  /**
   * Whether the page may offer a new sign-in at once: the identity system refuses to refresh this session, and it is not
   * known yet whether this is final; or the key of a bound session cannot be read now, or its proof is refused. Waiting is
   * fine too.
   */
  readonly signInAllowed: boolean;

  constructor(retryAfterSeconds = 1, signInAllowed = false) {
    super('the backend could not be asked');
    this.retryAfterSeconds = retryAfterSeconds;
    this.signInAllowed = signInAllowed;
  }
}

/**
 * The backend refused the request, for example because a code is not valid or a route does not exist.
 *
 * @example
 * ```ts
 * import { RequestRefusedError, type SessionClient } from 'nowgg-auth-client';
 *
 * export async function signIn(session: SessionClient, code: string) {
 *   try {
 *     return await session.login(code);
 *   } catch (error) {
 *     if (error instanceof RequestRefusedError && error.errorCode === 'invalid_grant') return undefined;
 *     throw error;
 *   }
 * }
 * ```
 */
export class RequestRefusedError extends SessionClientError {
  override readonly name = 'RequestRefusedError';
  /** HTTP status of the answer. */
  readonly status: number;
  /** `errorCode` of the answer, such as `invalid_grant`, if it has one. */
  readonly errorCode: string | undefined;
  /** With `user_banned`: why and until when. */
  readonly details: RefusalDetails;

  constructor(status: number, errorCode?: string, details: RefusalDetails = {}) {
    super('the backend refused the request');
    this.status = status;
    this.errorCode = errorCode;
    this.details = details;
  }
}

/**
 * A request that carried the token was answered with a redirect. The client did not follow it: a browser does not say
 * where it leads, and the token must not be sent there.
 */
export class RedirectRefusedError extends SessionClientError {
  override readonly name = 'RedirectRefusedError';

  constructor() {
    super('a redirect was not followed');
  }
}
