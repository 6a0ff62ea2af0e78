import type { AxiosRequestConfig, AxiosResponse } from 'axios';
import type { IdentityHttpPurpose } from '../identity-http.js';
import type { ConnectionPools } from './connection-pools.js';
import { exchange, type WireReply } from './exchange.js';

/** The request of an axios instance with {@link poolAdapter}. Set every member: others may be inherited. */
export interface PoolRequest extends AxiosRequestConfig<string | undefined> {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: string | undefined;
  /** Carries the total deadline. */
  readonly signal: AbortSignal;
  readonly purpose: IdentityHttpPurpose | undefined;
  /** Whether to use a new connection, which closes after the reply. */
  readonly isAlone: boolean;
}

/** A reply with its unparsed body. Its `request` is the exchange, whose connection can be dropped. */
export interface PoolResponse extends AxiosResponse<Buffer> {
  readonly request: Pick<WireReply, 'drop'>;
}

/**
 * An axios adapter that sends requests over kept-alive connections of undici, which cost less processor time than `node:http`.
 * It follows no redirect, knows no proxy, limits the reply, and accepts every status.
 *
 * @throws ExchangeError (by the promise), which holds nothing of the request
 */
export function poolAdapter(pools: ConnectionPools): (request: PoolRequest) => Promise<PoolResponse> {
  const targetOf = rememberedTarget();
  return async (request) => {
    const { method, headers, data, signal, purpose, isAlone } = request;
    const { origin, path } = targetOf(request.url);
    const connections = isAlone ? pools.once(origin) : pools.of(purpose, origin);
    const wire = { method, path, headers, body: data ?? null, closes: isAlone };
    const reply = await exchange(connections, wire, signal);
    const { statusCode: status, body } = reply;
    return {
      data: body,
      status,
      statusText: '',
      headers: reply.headers as AxiosResponse['headers'],
      // Its type has headers of axios' own class; nothing reads them again.
      config: request as never,
      request: reply,
    };
  };
}

interface Target {
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
}

/** Parses addresses. Remembers the last one, because most requests go to one endpoint; never a query, which may be secret. */
function rememberedTarget(): (url: string) => Target {
  let last = '';
  let target: Target = { origin: '', path: '' };
  return (url) => {
    if (url === last) return target;
    const { origin, pathname, search } = new URL(url);
    if (search !== '') return { origin, path: pathname + search };
    last = url;
    target = { origin, path: pathname };
    return target;
  };
}
