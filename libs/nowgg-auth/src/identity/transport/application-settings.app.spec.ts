import { HttpService } from '@nestjs/axios';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import axios from 'axios';
import { Agent } from 'node:http';
import { RawPeer } from '../../../../../test/support/raw-http/raw-peer.js';
import { json } from '../../../../../test/support/raw-http/raw-answers.js';
import { SystemClock } from '../../clock.js';
import type { IdentityHttpAgents, IdentityHttpRequest } from '../identity-http.js';
import { AxiosIdentityHttp } from './axios-identity-http.js';

const agent = new Agent();
let peer: RawPeer;
let elsewhere: RawPeer;

beforeEach(async () => {
  peer = (await RawPeer.start()).alwaysAnswer(json(200, { from: 'peer' }));
  elsewhere = (await RawPeer.start()).alwaysAnswer(json(200, { from: 'elsewhere' }));
});

afterEach(async () => {
  await peer[Symbol.asyncDispose]();
  await elsewhere[Symbol.asyncDispose]();
});

const question = (): IdentityHttpRequest => ({
  purpose: 'verify',
  method: 'POST',
  url: `${peer.url}/verify`,
  json: { token: 'PLANTED-TOKEN' },
  signal: AbortSignal.timeout(5_000),
  idempotent: true,
});

/** Sends one question with a new client. Returns the outcome, and what arrived where. */
async function ask(agents: IdentityHttpAgents): Promise<unknown> {
  const http = new AxiosIdentityHttp(new SystemClock(), agents);
  const outcome = await http.send(question());
  http.close();
  const arrived = peer.requests.map(({ method, path, body, headerLines }) => {
    return { method, path, body, headers: headerLines.map(([name]) => name.toLowerCase()).toSorted() };
  });
  return { ...(outcome.status === 'reply' && { json: outcome.json }), arrived, elsewhere: elsewhere.connectionCount };
}

/** The result for a question that nothing has changed. */
const untouched = {
  json: { from: 'peer' },
  arrived: [
    {
      method: 'POST',
      path: '/verify',
      body: '{"token":"PLANTED-TOKEN"}',
      headers: ['accept', 'accept-encoding', 'connection', 'content-length', 'content-type', 'host', 'user-agent'],
    },
  ],
  elsewhere: 0,
};

describe.each([
  ['over connections of its own', {}],
  ['over an agent of the application', { http: agent }],
] as const)('a question %s', (_how, agents) => {
  it('is not changed by the defaults of axios', async () => {
    const hostile = {
      baseURL: elsewhere.url,
      params: { leak: '1' },
      auth: { username: 'u', password: 'p' },
      timeout: 1,
      maxRedirects: 5,
      transformRequest: [() => 'changed'],
      transformResponse: [() => 'changed'],
      adapter: () => Promise.reject(new Error('the adapter of the application')),
    };
    const before = { ...axios.defaults };
    Object.assign(axios.defaults, hostile);
    axios.defaults.headers.common['x-application'] = 'yes';
    try {
      expect(await ask(agents)).toEqual(untouched);
    } finally {
      delete axios.defaults.headers.common['x-application'];
      for (const name of Object.keys(hostile)) Reflect.deleteProperty(axios.defaults, name);
      Object.assign(axios.defaults, before);
    }
  });

  it('is not seen by interceptors of axios or of the HttpService of the application', async () => {
    const seen = jest.fn();
    const intercept = <T>(value: T): T => {
      seen(value);
      return value;
    };
    const instances = [axios, new HttpService().axiosRef];
    const ids = instances.map(({ interceptors: { request, response } }) => [
      request.use(intercept),
      response.use(intercept),
    ]);
    try {
      expect(await ask(agents)).toEqual(untouched);
    } finally {
      instances.forEach(({ interceptors: { request, response } }, index) => {
        request.eject(ids[index]?.[0] ?? 0);
        response.eject(ids[index]?.[1] ?? 0);
      });
    }
    expect(seen).not.toHaveBeenCalled();
  });

  it('is not changed by names on Object.prototype', async () => {
    const polluted = {
      baseURL: elsewhere.url,
      proxy: { host: '127.0.0.1', port: elsewhere.port },
      query: { leak: '1' },
      params: { leak: '1' },
      auth: { username: 'u', password: 'p' },
      maxRedirects: 5,
      idempotent: false,
      blocking: false,
      isAlone: true,
      connection: {},
      'retry-after': '7',
      'x-application': 'yes',
    };
    for (const [name, value] of Object.entries(polluted)) {
      Reflect.defineProperty(Object.prototype, name, { value, configurable: true, writable: true });
    }
    try {
      expect(await ask(agents)).toEqual(untouched);
    } finally {
      for (const name of Object.keys(polluted)) Reflect.deleteProperty(Object.prototype, name);
    }
  });
});
