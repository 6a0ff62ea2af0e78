import {
  IdentityUnavailableError,
  type NowggAuthError,
  type NowggErrorBody,
  type NowggErrorCode,
  NowggConfigurationError,
} from '../errors.js';

import type { RefusalReason } from '../identity/reasons.js';

/** The reason for which a socket was refused or ended, as its client gets it. */
export interface NowggSocketEnd extends NowggErrorBody {
  /** Time after which a client may try again, in seconds; only when the identity system is not available. */
  readonly retryAfterSeconds?: number;
}

/** A new token does not help. Clients of graphql-ws treat it as fatal. */
const REFUSED = 4401;
/** A new token helps: get one, and connect again. */
const EXPIRED = 4403;
const INTERNAL_ERROR = 1011;
const TRY_AGAIN_LATER = 1013;
/** Close code of a server that shuts down. */
export const GOING_AWAY = 1001;

/** The event before the end of a socket; its data is a {@link NowggSocketEnd}. */
export const END_EVENT = 'nowgg:end';

export function endOf(error: NowggAuthError): NowggSocketEnd {
  const body = error.getResponse() as NowggErrorBody;
  return error instanceof IdentityUnavailableError ? { ...body, retryAfterSeconds: error.retryAfterSeconds } : body;
}

/** The data of the event `exception` that answers a refused message. */
export interface MessageRefusal extends NowggSocketEnd {
  readonly status: 'error';
}

const refusals = new WeakSet<object>();

/** What the client of a refused message gets. */
export function refusalOf(error: NowggAuthError): MessageRefusal {
  const refusal: MessageRefusal = { status: 'error', ...endOf(error) };
  refusals.add(refusal);
  return refusal;
}

/** Whether this is the answer of the guard to a message, and not data of the application. */
export function isRefusal(data: unknown): data is MessageRefusal {
  return typeof data === 'object' && data !== null && refusals.has(data);
}

/** The close code of a WebSocket that ends because of an error; the reason of the close frame is its `errorCode`. */
export function closeCodeOf(error: NowggAuthError): number {
  if (error instanceof IdentityUnavailableError) return TRY_AGAIN_LATER;
  if (error instanceof NowggConfigurationError) return INTERNAL_ERROR;
  return error.errorCode === 'expired_token' ? EXPIRED : REFUSED;
}

/** Reasons that concern the token itself, and not only the handler that refused it. */
const OF_TOKEN: ReadonlySet<NowggErrorCode | RefusalReason> = new Set<NowggErrorCode>([
  'malformed_token',
  'invalid_token',
  'expired_token',
  'revoked_token',
  'wrong_client',
  'user_banned',
  'signed_in_elsewhere',
]);

export function isAboutToken(reason: NowggErrorCode | RefusalReason): boolean {
  return OF_TOKEN.has(reason);
}
