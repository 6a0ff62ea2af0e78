import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SystemClock } from '../../clock.js';
import { AxiosIdentityHttp } from './axios-identity-http.js';
import type { IdentityHttpRequest } from '../identity-http.js';

const http = new AxiosIdentityHttp(new SystemClock());
let server: Server | TcpServer;
let sockets: Set<Socket>;

/** Starts a server that is closed after the test, with every connection. */
async function listen(started: Server | TcpServer): Promise<string> {
  server = started;
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/path`;
}

const httpServer = (handler: (req: IncomingMessage, res: ServerResponse) => void) => listen(createServer(handler));
const tcpServer = (onData: (socket: Socket, text: string) => void) =>
  listen(createTcpServer((socket) => socket.on('data', (data) => onData(socket, data.toString('latin1')))));

function request(url: string, overrides: Partial<IdentityHttpRequest> = {}): IdentityHttpRequest {
  return {
    method: 'POST',
    url,
    json: { client_secret: 'PLANTED-SECRET' },
    signal: AbortSignal.timeout(5_000),
    idempotent: true,
    ...overrides,
  };
}

beforeEach(() => {
  sockets = new Set();
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  http.close();
});

describe('a reply', () => {
  it('is JSON with its status, and the request was JSON without any coding asked for', async () => {
    let seen: unknown;
    const url = await httpServer((req, res) => {
      seen = [req.method, req.headers['content-type'], req.headers['accept-encoding'], req.headers.accept];
      res.writeHead(401, { 'content-type': 'application/json; charset=utf-8' }).end('{"a":1}');
    });
    expect(await http.send(request(url))).toMatchObject({ status: 'reply', statusCode: 401, json: { a: 1 } });
    expect(seen).toEqual(['POST', 'application/json', 'identity', 'application/json']);
  });

  it.each([
    ['HTML', { 'content-type': 'text/html' }, '{"a":1}'],
    ['of no type', {}, '{"a":1}'],
    ['JSON cut off', { 'content-type': 'application/json' }, '{"a":'],
    ['empty', { 'content-type': 'application/json' }, ''],
    ['null', { 'content-type': 'application/json' }, 'null'],
    [
      'ill-formed UTF-8',
      { 'content-type': 'application/json' },
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    ],
    ['compressed', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, '{"a":1}'],
  ])('that is %s has no JSON', async (_what, headers, body) => {
    const url = await httpServer((_req, res) => res.writeHead(200, headers).end(body));
    expect(await http.send(request(url))).toMatchObject({ status: 'reply', statusCode: 200, json: undefined });
  });

  it.each([301, 302, 303, 307, 308])('of %i is not followed', async (statusCode) => {
    const paths: (string | undefined)[] = [];
    const url = await httpServer((req, res) => {
      paths.push(req.url);
      res.writeHead(statusCode, { location: '/elsewhere' }).end();
    });
    expect(await http.send(request(url))).toMatchObject({ status: 'reply', statusCode });
    expect(paths).toEqual(['/path']);
  });

  it('tells how long to wait', async () => {
    const url = await httpServer((_req, res) => res.writeHead(429, { 'retry-after': '7' }).end());
    expect(await http.send(request(url))).toMatchObject({ statusCode: 429, retryAfterMs: 7_000 });
  });

  it('can be followed by the end of its connection', async () => {
    const url = await httpServer((_req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    const outcome = await http.send(request(url));
    if (outcome.status !== 'reply') throw new Error(outcome.reason);
    const [socket] = sockets;
    const closed = new Promise((resolve) => {
      socket?.once('close', resolve);
    });
    outcome.drop();
    await closed;
    expect(sockets.size).toBe(0);
  });
});

describe('closing', () => {
  it('ends idle connections and leaves the call under way its reply', async () => {
    let reply: () => void = () => undefined;
    const arrived = new Promise<string>((resolve) => {
      void httpServer((_req, res) => {
        reply = () => res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
        resolve('arrived');
      }).then((url) => void (underway = http.send(request(url))));
    });
    let underway: Promise<unknown> = Promise.resolve();
    await arrived;
    http.close();
    reply();
    expect(await underway).toMatchObject({ status: 'reply', statusCode: 200 });
  });
});

describe('no reply', () => {
  it('before the deadline is a timeout, also while bytes are dripping', async () => {
    const url = await httpServer((_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => res.write(' '), 5);
      res.on('close', () => clearInterval(drip));
    });
    const closed = new Promise((resolve) => {
      server.once('connection', (socket: Socket) => socket.once('close', resolve));
    });
    const outcome = await http.send(request(url, { signal: AbortSignal.timeout(60) }));
    expect(outcome).toMatchObject({ status: 'failed', sent: 'perhaps', reason: 'timeout' });
    await closed;
  });

  it('from a closed port was certainly not sent', async () => {
    const url = await httpServer(() => undefined);
    await new Promise((resolve) => {
      server.close(resolve);
    });
    expect(await http.send(request(url))).toMatchObject({ status: 'failed', sent: 'no', reason: 'network' });
  });

  it('is what more than 64 KiB amount to, whether announced or not', async () => {
    const url = await tcpServer((socket, text) => {
      const type = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n';
      if (text.includes('announced')) socket.write(`${type}content-length: 1073741824\r\n\r\n${'x'.repeat(70_000)}`);
      else
        socket.write(
          `${type}transfer-encoding: chunked\r\n\r\n${'10000\r\n'.concat('x'.repeat(65_536), '\r\n').repeat(3)}`,
        );
    });
    expect(await http.send(request(url))).toMatchObject({ status: 'failed', reason: 'invalid_response' });
    expect(await http.send(request(url, { json: { a: 'announced' } }))).toMatchObject({ reason: 'invalid_response' });
  });

  it('is what bytes that are no HTTP, and a body that ends early, amount to', async () => {
    const url = await tcpServer((socket, text) => {
      if (text.includes('early')) {
        socket.end('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a":1}');
      } else socket.end('SSH-2.0-OpenSSH\r\n');
    });
    expect(await http.send(request(url))).toMatchObject({ status: 'failed', reason: 'invalid_response' });
    expect(await http.send(request(url, { json: { a: 'early' } }))).toMatchObject({
      status: 'failed',
      reason: 'network',
    });
  });

  it('from a host without TLS where TLS is due is a TLS failure', async () => {
    const url = await tcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    const outcome = await http.send(request(url.replace('http:', 'https:')));
    expect(outcome).toMatchObject({ status: 'failed', reason: 'tls' });
  });

  it('leaves nothing of the request in the outcome', async () => {
    const url = await tcpServer((socket) => socket.destroy());
    const outcome = await http.send(request(url));
    expect(inspect(outcome, { depth: 10 })).not.toContain('PLANTED-SECRET');
  });
});

/** A connection carries the next request from the next turn of the event loop on. */
const connectionIsFree = () => new Promise((resolve) => setImmediate(resolve));

describe('a kept-alive connection that the peer closes under the request', () => {
  /** Answers the first request of a connection and closes the connection at its second. */
  const closesAtSecond = () => {
    const answered = new Set<Socket>();
    let requests = 0;
    const url = tcpServer((socket) => {
      requests += 1;
      if (answered.has(socket)) return void socket.destroy();
      answered.add(socket);
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}');
    });
    return { url, count: () => requests };
  };

  it('is replaced once by a new one when the call is idempotent', async () => {
    const peer = closesAtSecond();
    const url = await peer.url;
    expect(await http.send(request(url))).toMatchObject({ status: 'reply' });
    await connectionIsFree();
    expect(await http.send(request(url))).toMatchObject({ status: 'reply' });
    expect(peer.count()).toBe(3);
  });

  it('leaves us in doubt when the call is not', async () => {
    const peer = closesAtSecond();
    const url = await peer.url;
    await http.send(request(url, { idempotent: false }));
    await connectionIsFree();
    expect(await http.send(request(url, { idempotent: false }))).toMatchObject({
      status: 'failed',
      sent: 'perhaps',
      reason: 'network',
    });
    expect(peer.count()).toBe(2);
  });
});

describe('agents of the application', () => {
  it('carry the calls, second tries included, and are left open', async () => {
    const url = await httpServer((_req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    const agent = new Agent({ keepAlive: true });
    const carried = jest.spyOn(agent, 'addRequest' as never);
    const client = new AxiosIdentityHttp(new SystemClock(), { http: agent });
    expect(await client.send(request(url))).toMatchObject({ status: 'reply' });
    client.close();
    expect(carried).toHaveBeenCalledTimes(1);
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1);
    agent.destroy();
  });
});

describe('a proxy from the environment', () => {
  it('is not used', async () => {
    const url = await httpServer((_req, res) => res.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
    process.env.HTTP_PROXY = 'http://127.0.0.1:9';
    process.env.http_proxy = 'http://127.0.0.1:9';
    try {
      expect(await http.send(request(url))).toMatchObject({ status: 'reply', statusCode: 200 });
    } finally {
      delete process.env.HTTP_PROXY;
      delete process.env.http_proxy;
    }
  });
});

describe('connections', () => {
  it('of one purpose that all wait leave a call of another purpose untouched', async () => {
    const waiting: ServerResponse[] = [];
    const url = await httpServer((req, res) => {
      if (req.url === '/path') waiting.push(res);
      else res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const patience = AbortSignal.timeout(60_000);
    const slow = Array.from({ length: 300 }, () => http.send(request(url, { purpose: 'code', signal: patience })));
    const verdict = await http.send(request(new URL('/quick', url).href, { purpose: 'verify' }));
    expect(verdict).toMatchObject({ status: 'reply', statusCode: 200 });
    for (const res of waiting) res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    await Promise.all(slow);
  });

  it('for metadata are limited for each host', async () => {
    const waiting: ServerResponse[] = [];
    const url = await httpServer((req, res) => {
      if (req.url === '/path') waiting.push(res);
      else res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const calls = Array.from({ length: 40 }, () => http.send(request(url, { purpose: 'metadata' })));
    await http.send(request(new URL('/quick', url).href, { purpose: 'verify' }));
    expect(sockets.size).toBe(17);
    for (const socket of sockets) socket.destroy();
    server.close();
    await Promise.all(calls);
  });
});
