/** Base of everything that this package throws by itself. No message holds a token, a code or a reply's text. */
export abstract class SessionClientError extends Error {}

/**
 * There is no session: nobody signed in, or the player has to sign in again. The only error after which
 * `sessionState` is `NO_SESSION`.
 */
export class NoSessionError extends SessionClientError {
  override readonly name = 'NoSessionError';

  constructor(message = 'there is no session') {
    super(message);
  }
}

/**
 * The backend could not be asked: offline, too slow, a 5xx, a 429 or an answer that makes no sense. Says nothing about
 * the session, which stays. Try again after {@link retryAfterSeconds}.
 */
export class SessionUnavailableError extends SessionClientError {
  override readonly name = 'SessionUnavailableError';
  /** Whole seconds, 1 to 60: the backend's `Retry-After` where it could be read, else 1. */
  readonly retryAfterSeconds: number;

  constructor(retryAfterSeconds = 1) {
    super('the backend could not be asked');
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The backend refused the request for a reason of its own: a code that is not valid, a route that is not there. */
export class RequestRefusedError extends SessionClientError {
  override readonly name = 'RequestRefusedError';
  /** HTTP status of the answer. */
  readonly status: number;
  /** `errorCode` of the answer, such as `invalid_grant`, where it has one. */
  readonly errorCode: string | undefined;

  constructor(status: number, errorCode?: string) {
    super('the backend refused the request');
    this.status = status;
    this.errorCode = errorCode;
  }
}

/**
 * A request that carried the token was answered with a redirect. It was not followed: a browser does not say where it
 * leads, and the token must not travel there.
 */
export class RedirectRefusedError extends SessionClientError {
  override readonly name = 'RedirectRefusedError';

  constructor() {
    super('a redirect was not followed');
  }
}
