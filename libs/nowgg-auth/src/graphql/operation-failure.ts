import {
  hintsOfError,
  IdentityUnavailableError,
  type NowggAuthError,
  type NowggErrorBody,
  type NowggErrorCode,
} from '../errors.js';
import { TransportFailure } from '../http/transport.js';

/** The `extensions` of an error in the answer to a GraphQL operation. */
export interface NowggErrorExtensions
  extends Pick<NowggErrorBody, 'reasonCode' | 'text' | 'until' | 'feature' | 'maxAgeSeconds'> {
  /**
   * The usual code: `UNAUTHENTICATED` for 401, `FORBIDDEN` for 403, `BAD_REQUEST` for 400, `SERVICE_UNAVAILABLE` for 503,
   * otherwise `INTERNAL_SERVER_ERROR`.
   */
  readonly code: string;
  readonly errorCode: NowggErrorCode;
  /** The status that the same failure has over HTTP. */
  readonly status: number;
  /** With a 503: seconds after which to try again. */
  readonly retryAfterSeconds?: number;
}

const CODES: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  503: 'SERVICE_UNAVAILABLE',
};

/**
 * The failure of an operation. graphql-js makes a `GraphQLError` of it, with its `extensions`. Nest logs other errors of
 * resolvers with their stack; a caller without a token must not fill the log.
 */
export class NowggOperationError extends TransportFailure {
  readonly extensions: NowggErrorExtensions;

  constructor(error: NowggAuthError) {
    super(error.message);
    this.name = 'NowggOperationError';
    const status = error.getStatus();
    this.extensions = {
      code: CODES[status] ?? 'INTERNAL_SERVER_ERROR',
      errorCode: error.errorCode,
      status,
      ...(error instanceof IdentityUnavailableError && { retryAfterSeconds: error.retryAfterSeconds }),
      ...hintsOfError(error),
    };
  }
}
