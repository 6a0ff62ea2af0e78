import type { IdentityHttpOutcome, IdentityHttpRequest } from '../identity-http.js';
import type { UnknownReason } from '../reasons.js';
import { type ExchangeError, GIVEN_UP, NOT_HTTP, OTHER_LENGTH, TOO_LARGE } from './exchange-error.js';

type Failed = Extract<IdentityHttpOutcome, { status: 'failed' }>;

const TLS =
  /^(?:ERR_TLS|ERR_SSL|CERT_|EPROTO|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|ERR_OSSL)/;
const TIMED_OUT = new Set([GIVEN_UP, 'UND_ERR_CONNECT_TIMEOUT']);
const NONSENSE = new Set([NOT_HTTP, TOO_LARGE, 'UND_ERR_HEADERS_OVERFLOW']);
/** The codes of Node, OpenSSL and undici. */
const CODE = /^[A-Z][A-Z0-9_]{1,60}$/;
const CLOSED_UNDER_THE_REQUEST = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** Whether an error with this code is a failure of TLS. */
export function isTls(code: string): boolean {
  return TLS.test(code);
}

/** Whether the peer closed a kept-alive connection before it read the request. */
export function isStaleSocket({ code, progress, isReused }: ExchangeError): boolean {
  return isReused && progress === 'sent' && CLOSED_UNDER_THE_REQUEST.has(code);
}

/** Whether a failed request may be sent once more, over a new connection. */
export function mayRepeat(error: ExchangeError, { idempotent, signal }: IdentityHttpRequest): boolean {
  return idempotent && !signal.aborted && isStaleSocket(error);
}

/** Translates a failed exchange. */
export function failureOf(error: ExchangeError): Failed {
  const code = CODE.test(error.code) && error.code !== GIVEN_UP ? error.code : undefined;
  const sent = error.progress === 'waiting' ? 'no' : 'perhaps';
  return { status: 'failed', sent, reason: reasonOf(error), ...(code !== undefined && { code }) };
}

function reasonOf({ code, progress }: ExchangeError): UnknownReason {
  if (TIMED_OUT.has(code)) return 'timeout';
  if (isTls(code)) return 'tls';
  const isNonsense = NONSENSE.has(code) || (code === OTHER_LENGTH && progress !== 'answered');
  return isNonsense ? 'invalid_response' : 'network';
}
