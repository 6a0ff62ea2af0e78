import { HttpService } from '@nestjs/axios';
import { Axios, type AxiosAdapter, type AxiosInstance } from 'axios';
import type { NowggClock } from '../../clock.js';
import {
  IdentityHttp,
  type IdentityHttpAgents,
  type IdentityHttpOutcome,
  type IdentityHttpRequest,
} from '../identity-http.js';
import { requestOverAgent } from './agent-request.js';
import { ConnectionPools } from './connection-pools.js';
import { ExchangeError } from './exchange-error.js';
import { failureOf, mayRepeat } from './http-failure.js';
import { joinedHeaders, readJsonBody, readRetryAfterMs } from './http-reply.js';
import { poolAdapter, type PoolRequest, type PoolResponse } from './pool-adapter.js';

/**
 * The HTTP client for identity systems, on a separate axios instance that no application configuration affects: total
 * deadline by the request's signal, no redirects, no proxy from the environment, 64 KiB limit, no content coding, JSON
 * only, separate connections for each purpose. Agents of the application are used for all purposes instead. No error of
 * axios or undici leaves this class, because it may contain the request and with it our client secret.
 */
export class AxiosIdentityHttp extends IdentityHttp {
  readonly #clock: NowggClock;
  readonly #agents: IdentityHttpAgents;
  readonly #pools = new ConnectionPools();
  readonly #adapter = poolAdapter(this.#pools);
  readonly #http: HttpService;

  constructor(clock: NowggClock, agents: IdentityHttpAgents = {}) {
    super();
    this.#clock = clock;
    this.#agents = agents;
    // Not `axios.create()`, which copies the defaults that the application may have changed.
    // axios types an adapter's request with headers of its own class; ours gets the plain object that `send` makes.
    const adapter = this.#adapter as unknown as AxiosAdapter;
    this.#http = new HttpService(new Axios({ adapter }) as AxiosInstance);
  }

  override async send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    const first = await this.#attempt(request, false);
    if (!(first instanceof ExchangeError)) return first;
    // The peer closed the idle connection during the write. Other idle ones may be as old, so use a new one.
    const last = mayRepeat(first, request) ? await this.#attempt(request, true) : first;
    return last instanceof ExchangeError ? failureOf(last) : last;
  }

  /** Closes idle connections of the client's own pools. Running calls are completed. */
  close(): void {
    this.#pools.closeIdle();
  }

  async #attempt(request: IdentityHttpRequest, isAlone: boolean): Promise<IdentityHttpOutcome | ExchangeError> {
    try {
      return this.#reply(await this.#send(poolRequestOf(request, isAlone)));
    } catch (error) {
      return error instanceof ExchangeError ? error : new ExchangeError('', 'sent', false);
    }
  }

  #send(request: PoolRequest): Promise<PoolResponse> {
    const agent = request.url.startsWith('https:') ? this.#agents.https : this.#agents.http;
    if (agent) return requestOverAgent(this.#http, this.#agents, request);
    // The adapter itself: this instance has no interceptors and no transformations, which the way through axios would
    // only look for.
    return this.#adapter(request);
  }

  #reply({ status, data, headers: received, request }: PoolResponse): IdentityHttpOutcome {
    const headers = joinedHeaders(received as Parameters<typeof joinedHeaders>[0]);
    return {
      status: 'reply',
      statusCode: status,
      headers,
      body: data,
      json: readJsonBody(data, headers['content-type'], headers['content-encoding']),
      retryAfterMs: readRetryAfterMs(headers['retry-after'], headers['x-rate-limit-reset'], this.#clock.now()),
      drop: () => request.drop(),
    };
  }
}

function poolRequestOf(
  { method, url, headers, json, body, signal, purpose }: IdentityHttpRequest,
  isAlone: boolean,
): PoolRequest {
  return {
    url,
    method,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'identity',
      'user-agent': 'nestjs-nowgg-auth',
      ...(json && { 'content-type': 'application/json' }),
      ...headers,
    },
    data: json ? JSON.stringify(json) : body,
    signal,
    purpose,
    isAlone,
  };
}
