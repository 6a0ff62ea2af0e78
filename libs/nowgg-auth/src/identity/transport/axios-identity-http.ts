import { Agent as HttpAgent, type ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { HttpService } from '@nestjs/axios';
import axios, { AxiosError, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import type { NowggClock } from '../../clock.js';
import {
  IdentityHttp,
  type IdentityHttpAgents,
  type IdentityHttpOutcome,
  type IdentityHttpRequest,
} from '../identity-http.js';
import { ConnectionPools } from './connection-pools.js';
import { failureOf, isStaleSocket } from './http-failure.js';
import { readJsonBody, readRetryAfterMs } from './http-reply.js';

/** Larger replies are invalid: a real one has a few hundred bytes. */
const MAX_REPLY_BYTES = 64 * 1024;

/**
 * The HTTP client for identity systems, on a separate axios instance that no application configuration affects: total
 * deadline by the request's signal, no redirects, no proxy from the environment, 64 KiB limit, no content coding, JSON
 * only, separate connections for each purpose. Agents of the application are used for all purposes instead. An axios
 * error contains the request and with it our client secret, so none leaves this class.
 */
export class AxiosIdentityHttp extends IdentityHttp {
  readonly #clock: NowggClock;
  readonly #own = new ConnectionPools();
  readonly #given: IdentityHttpAgents;
  readonly #http: HttpService;

  constructor(clock: NowggClock, agents: IdentityHttpAgents = {}) {
    super();
    this.#clock = clock;
    this.#given = agents;
    this.#http = new HttpService(
      // oxlint-disable-next-line import/no-named-as-default-member -- older axios 1.x has no such named export
      axios.create({
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
      }),
    );
  }

  override async send(request: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    const { http, https } = this.#given;
    const own = this.#own.of(request.purpose);
    const first = await this.#attempt(request, { httpAgent: http ?? own.http, httpsAgent: https ?? own.https });
    if (first !== 'stale-socket') return first;
    // The peer closed the idle connection during the write. Other idle ones may be as old, so use a new one.
    const second = await this.#attempt(request, {
      httpAgent: http ?? new HttpAgent(),
      httpsAgent: https ?? new HttpsAgent(),
    });
    return second === 'stale-socket' ? { status: 'failed', sent: 'perhaps', reason: 'network' } : second;
  }

  /** Closes idle connections of the client's own agents. Running calls are completed. */
  close(): void {
    this.#own.closeIdle();
  }

  async #attempt(
    request: IdentityHttpRequest,
    agents: Pick<AxiosRequestConfig, 'httpAgent' | 'httpsAgent'>,
  ): Promise<IdentityHttpOutcome | 'stale-socket'> {
    try {
      const response: AxiosResponse<Buffer> = await this.#http.axiosRef.request({
        method: request.method,
        url: request.url,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': 'nestjs-nowgg-auth',
          ...(request.json && { 'content-type': 'application/json' }),
          ...request.headers,
        },
        ...(request.json && { data: JSON.stringify(request.json) }),
        ...(request.body !== undefined && { data: request.body }),
        signal: request.signal,
        ...agents,
      });
      return this.#reply(response);
    } catch (error) {
      if (request.idempotent && !request.signal.aborted && isStaleSocket(error)) return 'stale-socket';
      return failureOf(error instanceof AxiosError ? error : undefined, request.signal);
    }
  }

  #reply(response: AxiosResponse<Buffer>): IdentityHttpOutcome {
    const header = (name: string) => {
      const value: unknown = response.headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    return {
      status: 'reply',
      statusCode: response.status,
      headers: textHeaders(response.headers),
      body: response.data,
      json: readJsonBody(response.data, header('content-type'), header('content-encoding')),
      retryAfterMs: readRetryAfterMs(header('retry-after'), header('x-rate-limit-reset'), this.#clock.now()),
      drop: () => (response.request as ClientRequest | undefined)?.socket?.destroy(),
    };
  }
}

function textHeaders(headers: AxiosResponse['headers']): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
