import type { ClientRequest } from 'node:http';
import { AxiosError } from 'axios';
import type { IdentityHttpOutcome } from '../identity-http.js';

type Failed = Extract<IdentityHttpOutcome, { status: 'failed' }>;

/** The connection was never made, so the request cannot have been carried out. */
const NOT_SENT = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);
const TLS =
  /^(?:ERR_TLS|ERR_SSL|CERT_|EPROTO|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET_ISSUER)|ERR_OSSL)/;
const CLOSED_UNDER_THE_REQUEST = new Set(['ECONNRESET', 'EPIPE']);

/** Whether the peer closed a kept-alive connection before it read the request. */
export function isStaleSocket(error: unknown): boolean {
  if (!(error instanceof AxiosError) || error.response) return false;
  const request = error.request as Partial<ClientRequest> | undefined;
  return CLOSED_UNDER_THE_REQUEST.has(error.code ?? '') && request?.reusedSocket === true;
}

/** Translates a failed call. Keeps nothing of the original error, because it contains the request. */
export function failureOf(error: AxiosError | undefined, signal: AbortSignal): Failed {
  const code = error?.code ?? '';
  if (NOT_SENT.has(code)) return { status: 'failed', sent: 'no', reason: 'network' };
  if (TLS.test(code)) return { status: 'failed', sent: 'no', reason: 'tls' };
  if (signal.aborted) return { status: 'failed', sent: wasConnected(error) ? 'perhaps' : 'no', reason: 'timeout' };
  return { status: 'failed', sent: 'perhaps', reason: isNonsense(error) ? 'invalid_response' : 'network' };
}

function wasConnected(error: AxiosError | undefined): boolean {
  const request = error?.request as Partial<ClientRequest> | undefined;
  // Without a request object nothing is known, so assume that it was sent.
  return request === undefined || request.socket?.connecting !== true;
}

/** Whether the reply was larger than the limit or not valid HTTP. */
function isNonsense(error: AxiosError | undefined): boolean {
  const code = error?.code ?? '';
  return (
    code.startsWith('HPE_') || (code === AxiosError.ERR_BAD_RESPONSE && /maxContentLength/.test(error?.message ?? ''))
  );
}
