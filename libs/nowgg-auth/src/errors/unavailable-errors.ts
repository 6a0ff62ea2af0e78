import { NowggAuthError, type NowggErrorBody } from './auth-error.js';

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

/** Rounds up to whole seconds and limits them to the range of this module's `Retry-After` header, 1 to 60. */
export function clampRetryAfter(seconds: number): number {
  if (Number.isNaN(seconds)) return 1;
  return Math.min(60, Math.max(1, Math.ceil(seconds)));
}
