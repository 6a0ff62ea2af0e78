import type { ClientRequest } from 'node:http';
import type { HttpService } from '@nestjs/axios';
import { AxiosError, type AxiosRequestConfig } from 'axios';
import type { IdentityHttpAgents } from '../identity-http.js';
import { ExchangeError, type ExchangeProgress, GIVEN_UP, NOT_HTTP, TOO_LARGE } from './exchange-error.js';
import { MAX_REPLY_BYTES } from './http-reply.js';
import { isTls } from './http-failure.js';
import type { PoolRequest, PoolResponse } from './pool-adapter.js';

/** Settings that make axios's own adapter send a request as it stands, once, and return the reply as it stands. */
const AS_IT_STANDS: AxiosRequestConfig = {
  adapter: 'http',
  proxy: false,
  maxRedirects: 0,
  decompress: false,
  maxContentLength: MAX_REPLY_BYTES,
  maxBodyLength: MAX_REPLY_BYTES,
  responseType: 'arraybuffer',
  validateStatus: () => true,
  transformRequest: [(data: unknown) => data],
  transformResponse: [(data: unknown) => data],
};

/** The connection was never made, so the request cannot have been carried out. */
const NOT_CONNECTED = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
]);

/**
 * Sends a request over an agent of the application, which only Node's client can use.
 *
 * @throws ExchangeError, because an axios error contains the request and with it our client secret
 */
export async function requestOverAgent(
  http: HttpService,
  { http: httpAgent, https: httpsAgent }: IdentityHttpAgents,
  { url, method, headers, data, signal }: PoolRequest,
): Promise<PoolResponse> {
  const request = { ...AS_IT_STANDS, url, method, headers, data, signal };
  try {
    const response = await http.axiosRef.request<Buffer>({ ...request, httpAgent, httpsAgent });
    const sent = response.request as ClientRequest | undefined;
    return { ...response, request: { drop: () => sent?.socket?.destroy() } };
  } catch (error) {
    throw exchangeErrorOf(error, signal);
  }
}

function exchangeErrorOf(error: unknown, signal: AbortSignal): ExchangeError {
  if (!(error instanceof AxiosError)) return new ExchangeError(signal.aborted ? GIVEN_UP : '', 'sent', false);
  const request = error.request as Partial<ClientRequest> | undefined;
  const progress = progressOf(error, request);
  return new ExchangeError(codeOf(error, signal), progress, request?.reusedSocket === true);
}

function progressOf(
  { code = '', response }: AxiosError,
  request: Partial<ClientRequest> | undefined,
): ExchangeProgress {
  if (response) return 'answered';
  const isConnecting = request?.socket?.connecting === true;
  return isConnecting || NOT_CONNECTED.has(code) || isTls(code) ? 'waiting' : 'sent';
}

function codeOf({ code = '', message }: AxiosError, signal: AbortSignal): string {
  if (NOT_CONNECTED.has(code) || isTls(code)) return code;
  if (signal.aborted) return GIVEN_UP;
  if (code === AxiosError.ERR_BAD_RESPONSE && /maxContentLength/.test(message)) return TOO_LARGE;
  return code.startsWith('HPE_') ? NOT_HTTP : code;
}
