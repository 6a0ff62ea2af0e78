import { Agent } from 'node:http';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  bytes,
  bytesThenEnd,
  bytesThenReset,
  hangUp,
  json,
  message,
  reset,
  silence,
} from '../../../../../test/support/raw-http/raw-answers.js';
import { type RawAnswer, RawPeer } from '../../../../../test/support/raw-http/raw-peer.js';
import { SystemClock } from '../../clock.js';
import type { IdentityHttpRequest } from '../identity-http.js';
import { AxiosIdentityHttp } from './axios-identity-http.js';

const agent = new Agent({ keepAlive: true });
let peer: RawPeer;
let http: AxiosIdentityHttp;

beforeEach(async () => {
  peer = await RawPeer.start();
});

afterEach(async () => {
  http.close();
  await peer[Symbol.asyncDispose]();
});

const question = (changes: Partial<IdentityHttpRequest> = {}): IdentityHttpRequest => ({
  purpose: 'verify',
  method: 'POST',
  url: `${peer.url}/verify`,
  json: { client_secret: 'PLANTED-SECRET' },
  signal: AbortSignal.timeout(5_000),
  idempotent: true,
  ...changes,
});
const head = (...lines: string[]) =>
  ['HTTP/1.1 200 OK', 'Content-Type: application/json', ...lines, '', ''].join('\r\n');
const turn = () => new Promise((resolve) => setImmediate(resolve));

const nonsense: readonly (readonly [what: string, answer: RawAnswer])[] = [
  ['two different lengths', bytes(`${head('Content-Length: 2', 'Content-Length: 3')}{}x`)],
  ['a length and chunks', bytes(`${head('Content-Length: 2', 'Transfer-Encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`)],
  ['a length that is not a number', bytes(`${head('Content-Length: 2x')}{}`)],
  ['a negative length', bytes(`${head('Content-Length: -2')}{}`)],
  ['a chunk of no size', bytes(`${head('Transfer-Encoding: chunked')}zz\r\n{}\r\n0\r\n\r\n`)],
  ['a chunk longer than its size', bytes(`${head('Transfer-Encoding: chunked')}1\r\n{}\r\n0\r\n\r\n`)],
  ['a head over 16 KiB', bytes(`${head(`X-Pad: ${'a'.repeat(20_000)}`, 'Content-Length: 2')}{}`)],
  ['many headers over 16 KiB', bytes(head(...Array.from({ length: 2_000 }, (_, n) => `X-${n}: aaaa`)))],
  ['a header without a colon', bytes(`${head('Broken', 'Content-Length: 2')}{}`)],
  ['a NUL in a header', bytes(`${head('X-A: a\0b', 'Content-Length: 2')}{}`)],
  ['another protocol', bytes('SSH-2.0-OpenSSH_9.9\r\n')],
];

const cut: readonly (readonly [what: string, answer: RawAnswer])[] = [
  ['no reply', hangUp],
  ['a reset', reset],
  ['an end in the head', bytesThenEnd('HTTP/1.1 200 OK\r\nContent-')],
  ['a reset in the body', bytesThenReset(`${head('Content-Length: 100')}{`)],
  ['an end in the body', bytesThenEnd(`${head('Content-Length: 100')}{`)],
  ['an end in the body of a last reply', bytesThenEnd(`${head('Content-Length: 100', 'Connection: close')}{`)],
  ['an end in the chunks', bytesThenEnd(`${head('Transfer-Encoding: chunked')}2\r\n{}\r\n`)],
  [
    'an end in the chunks of a last reply',
    bytesThenEnd(`${head('Transfer-Encoding: chunked', 'Connection: close')}2\r\n`),
  ],
];

const unusual: readonly (readonly [what: string, answer: RawAnswer])[] = [
  [
    'HTTP/1.0 with a length',
    bytesThenEnd('HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'),
  ],
  ['HTTP/1.0 up to the end', bytesThenEnd('HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{}')],
  ['HTTP/1.1 up to the end', bytesThenEnd(`${head('Connection: close')}{}`)],
  [
    'one byte in a chunk',
    bytes(`${head('Transfer-Encoding: chunked')}1\r\n{\r\n1;a=b\r\n}\r\n0\r\nX-Trailer: a\r\n\r\n`),
  ],
  ['Early Hints first', bytes(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${head('Content-Length: 2')}{}`)],
  ['Processing first', bytes(`HTTP/1.1 102 Processing\r\n\r\n${head('Content-Length: 2')}{}`)],
];

describe.each([
  ['own connections', {}],
  ['an agent', { http: agent }],
] as const)('over %s', (_how, agents) => {
  beforeEach(() => {
    http = new AxiosIdentityHttp(new SystemClock(), agents);
  });

  it.each(nonsense)('a reply with %s is invalid, and its connection is closed', async (_what, answer) => {
    peer.alwaysAnswer(answer);
    const outcome = await http.send(question());
    expect(outcome).toMatchObject({ status: 'failed', sent: 'perhaps', reason: 'invalid_response' });
    expect(inspect(outcome)).not.toContain('PLANTED');
    await peer.untilDisconnected();
    expect(peer.requests).toHaveLength(1);
  });

  it.each(cut)('%s on a new connection is a failure of the network, sent once', async (_what, answer) => {
    peer.alwaysAnswer(answer);
    expect(await http.send(question())).toMatchObject({ status: 'failed', sent: 'perhaps', reason: 'network' });
    await peer.untilDisconnected();
    expect(peer.requests).toHaveLength(1);
  });

  it.each(unusual)('a reply in %s is read', async (_what, answer) => {
    peer.alwaysAnswer(answer);
    expect(await http.send(question())).toMatchObject({ status: 'reply', json: {} });
  });

  it.each([204, 304])('a %i that announces a body is a reply without one', async (statusCode) => {
    const stray = message(200, '{"stolen":1}', [['Content-Type', 'application/json']]);
    const bare = Buffer.from(`HTTP/1.1 ${statusCode} Nothing\r\nContent-Length: ${stray.length}\r\n\r\n`);
    peer.thenAnswer(bytes(Buffer.concat([bare, stray]))).alwaysAnswer(json(200, { a: 2 }));
    expect(await http.send(question())).toMatchObject({ status: 'reply', statusCode, json: undefined });
    await turn();
    expect(await http.send(question())).toMatchObject({ json: { a: 2 } });
  });

  it('a second reply that was not asked for closes the connection', async () => {
    const good = message(200, '{"a":1}', [['Content-Type', 'application/json']]);
    const stolen = message(200, '{"stolen":1}', [['Content-Type', 'application/json']]);
    peer.thenAnswer(bytes(Buffer.concat([good, stolen]))).alwaysAnswer(json(200, { a: 2 }));
    expect(await http.send(question())).toMatchObject({ json: { a: 1 } });
    await turn();
    expect(await http.send(question())).toMatchObject({ json: { a: 2 } });
    expect(peer.requests.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  it('a reply before there is a request is not taken for its reply', async () => {
    peer.alwaysAnswer(json(200, { a: 1 }));
    expect(await http.send(question())).toMatchObject({ json: { a: 1 } });
    await peer.dropConnections();
    peer.alwaysAnswer(json(200, { a: 2 }));
    expect(await http.send(question())).toMatchObject({ json: { a: 2 } });
  });

  it('an aborted call closes its connection, and a late reply reaches no other call', async () => {
    peer.thenAnswer(silence).alwaysAnswer(json(200, { a: 2 }));
    const controller = new AbortController();
    const given = http.send(question({ signal: controller.signal }));
    await peer.untilRequests(1);
    controller.abort();
    expect(await given).toMatchObject({ status: 'failed', sent: 'perhaps', reason: 'timeout' });
    await peer.untilDisconnected();
    expect(await http.send(question())).toMatchObject({ json: { a: 2 } });
  });

  it('a call whose signal has aborted already is not sent', async () => {
    const outcome = await http.send(question({ signal: AbortSignal.abort() }));
    expect(outcome).toMatchObject({ status: 'failed', sent: expect.any(String), reason: 'timeout' });
    expect(peer.requests).toEqual([]);
  });

  it('a repeated Retry-After or content type counts as Node counts it', async () => {
    peer.alwaysAnswer(bytes(`HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n`));
    expect(await http.send(question())).toMatchObject({ statusCode: 429, retryAfterMs: 7_000 });
  });
});

describe('an unexpected 100 Continue', () => {
  const continued = bytes(`HTTP/1.1 100 Continue\r\n\r\n${head('Content-Length: 2')}{}`);

  it('is a failure over own connections: the client of undici takes none', async () => {
    http = new AxiosIdentityHttp(new SystemClock());
    peer.alwaysAnswer(continued);
    expect(await http.send(question())).toMatchObject({ status: 'failed', sent: 'perhaps', reason: 'network' });
  });

  it('is skipped over an agent of the application', async () => {
    http = new AxiosIdentityHttp(new SystemClock(), { http: agent });
    peer.alwaysAnswer(continued);
    expect(await http.send(question())).toMatchObject({ status: 'reply', json: {} });
  });
});

describe('own connections', () => {
  beforeEach(() => {
    http = new AxiosIdentityHttp(new SystemClock());
  });

  it('that are still being made at the deadline are given up, and their request is never sent', async () => {
    // Speaks no TLS, so that the handshake never ends.
    const url = `${peer.url.replace('http:', 'https:')}/verify`;
    const outcome = await http.send(question({ url, signal: AbortSignal.timeout(50) }));
    expect(outcome).toMatchObject({ status: 'failed', sent: 'no', reason: 'timeout' });
    await peer.untilDisconnected();
    expect([peer.connectionCount, peer.requests.length]).toEqual([1, 0]);
  });

  it('never send a request whose deadline passed while it waited for one of them', async () => {
    peer.alwaysAnswer(silence);
    const first = Array.from({ length: 16 }, () => new AbortController());
    const calls = first.map(({ signal }) => http.send(question({ purpose: 'metadata', signal })));
    await peer.untilRequests(16);
    const late = await http.send(question({ purpose: 'metadata', signal: AbortSignal.timeout(20) }));
    expect(late).toMatchObject({ status: 'failed', sent: 'no', reason: 'timeout' });
    peer.alwaysAnswer(json(200, { a: 1 }));
    for (const controller of first) controller.abort();
    await Promise.all(calls);
    expect(await http.send(question({ purpose: 'metadata' }))).toMatchObject({ json: { a: 1 } });
    expect(peer.requests).toHaveLength(17);
  });

  it('are opened anew after the peer announced a short life', async () => {
    peer.alwaysAnswer(json(200, {}, [['Keep-Alive', 'timeout=1']]));
    await http.send(question());
    await turn();
    await http.send(question());
    expect(peer.requests.map(({ connection }) => connection)).toEqual([1, 2]);
  });

  it('serve other calls again after close()', async () => {
    peer.alwaysAnswer(json(200, {}));
    await http.send(question());
    http.close();
    await peer.untilDisconnected();
    expect(await http.send(question())).toMatchObject({ status: 'reply' });
  });
});
