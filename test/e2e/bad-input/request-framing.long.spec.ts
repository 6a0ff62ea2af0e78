import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { acceptAny } from '../../support/game/now-gg-messages.js';
import { type RawReply, sendBytes } from '../../support/raw-http/raw-client.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const lines = (...parts: readonly string[]) => Buffer.from(`${parts.join('\r\n')}\r\n\r\n`, 'latin1');

/** What Node's parser refuses, so that no guard and no handler ever sees it. */
const unparsable: readonly (readonly [what: string, bytes: (token: string) => Buffer])[] = [
  [
    'a header block over 16 KiB',
    (t) => lines('GET /guarded HTTP/1.1', 'Host: x', `X-Pad: ${'a'.repeat(17_000)}`, `Authorization: Bearer ${t}`),
  ],
  ['a folded Authorization', (t) => lines('GET /guarded HTTP/1.1', 'Host: x', 'Authorization: Bearer', ` ${t}`)],
  [
    'a folded line before Authorization',
    (t) => lines('GET /guarded HTTP/1.1', 'Host: x', 'X-A: b', `\tAuthorization: Bearer ${t}`),
  ],
  ['NUL in Authorization', (t) => lines('GET /guarded HTTP/1.1', 'Host: x', `Authorization: Bearer ${t}\0`)],
  ['a bare CR in Authorization', (t) => lines('GET /guarded HTTP/1.1', 'Host: x', `Authorization: Bearer\r${t}`)],
  ['a blank before the colon', (t) => lines('GET /guarded HTTP/1.1', 'Host: x', `Authorization : Bearer ${t}`)],
  ['a header name with a control', (t) => lines('GET /guarded HTTP/1.1', 'Host: x', `Author\x01ization: Bearer ${t}`)],
  [
    'two lengths',
    (t) =>
      lines(
        'POST /guarded HTTP/1.1',
        'Host: x',
        'Content-Length: 0',
        'Content-Length: 5',
        `Authorization: Bearer ${t}`,
      ),
  ],
  [
    'a length and chunks',
    (t) =>
      lines(
        'POST /guarded HTTP/1.1',
        'Host: x',
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
        `Authorization: Bearer ${t}`,
      ),
  ],
  [
    'chunks that are not last',
    (t) =>
      lines('POST /guarded HTTP/1.1', 'Host: x', 'Transfer-Encoding: chunked, identity', `Authorization: Bearer ${t}`),
  ],
  ['an unknown method', (t) => lines('FROB /guarded HTTP/1.1', 'Host: x', `Authorization: Bearer ${t}`)],
  ['an unknown protocol', (t) => lines('GET /guarded HTTP/9.9', 'Host: x', `Authorization: Bearer ${t}`)],
  ['no Host', (t) => lines('GET /guarded HTTP/1.1', `Authorization: Bearer ${t}`)],
];

describe.each(platforms)('framing of a request on %s', (platform) => {
  it.each(unparsable)('never reaches the guard: %s', async (_what, bytes) => {
    await using app = await AppUnderTest.start(platform);
    const reply = await sendBytes(app.port, bytes(app.token()));
    expect([400, 431]).toContain(reply.status);
    expectNothing(app, reply);
  });

  it('takes no Authorization from the trailers of a chunked body', async () => {
    await using app = await AppUnderTest.start(platform);
    const head = [
      'POST /guarded HTTP/1.1',
      'Host: x',
      'Connection: close',
      'Transfer-Encoding: chunked',
      'Trailer: Authorization',
      'Content-Type: text/plain',
    ];
    const body = Buffer.from(`0\r\nAuthorization: Bearer ${app.token()}\r\n\r\n`);
    const reply = await sendBytes(app.port, Buffer.concat([lines(...head), body]));
    expectAnswer(reply, 'U0');
    expect(app.handled).toEqual([]);
    expect(app.peer.connectionCount).toBe(0);
  });

  it('carries no identity over to the next request of a pipeline', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    const first = lines('GET /guarded HTTP/1.1', 'Host: x', `Authorization: Bearer ${app.token()}`);
    const second = lines('GET /admin HTTP/1.1', 'Host: x', 'Connection: close');
    const { wire } = await sendBytes(app.port, Buffer.concat([first, second]));
    expect([...wire.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['200', '401']);
    expect(app.handled).toEqual(['guarded']);
  });

  it('does not take a body for the next request', async () => {
    await using app = await AppUnderTest.start(platform);
    const inner = `GET /admin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${app.token()}\r\n\r\n`;
    const reply = await app.send({
      method: 'POST',
      path: '/guarded',
      headers: [['Content-Type', 'text/plain']],
      body: inner,
    });
    expect([401, 415]).toContain(reply.status);
    expectNothing(app, reply);
  });

  it.each(['HTTP/1.0', 'HTTP/1.1'])('guards %s', async (version) => {
    await using app = await AppUnderTest.start(platform);
    expectAnswer(await app.send({ path: '/guarded', version }), 'U0');
    app.peer.alwaysAnswer(acceptAny);
    const headers = [['Authorization', `Bearer ${app.token()}`]] as const;
    expect((await app.send({ path: '/guarded', version, headers })).status).toBe(200);
  });

  it.each([
    ['Expect', '100-continue'],
    ['Upgrade', 'websocket'],
    ['Upgrade', 'h2c'],
    ['Range', 'bytes=0-'],
    ['If-None-Match', '*'],
    ['X-HTTP-Method-Override', 'OPTIONS'],
  ])('guards a request with %s: %s', async (name, value) => {
    await using app = await AppUnderTest.start(platform);
    expectAnswer(await app.send({ path: '/guarded', headers: [[name, value]] }), 'U0');
    expectAnswer(
      await app.send({
        method: 'POST',
        path: '/guarded',
        headers: [
          [name, value],
          ['Content-Type', 'application/json'],
        ],
        body: '{}',
      }),
      'U0',
    );
    expect(app.handled).toEqual([]);
  });

  it('answers an absolute request target no better than a path', async () => {
    await using app = await AppUnderTest.start(platform);
    const bare = await app.send({ path: 'http://localhost/guarded' });
    expect([401, 404]).toContain(bare.status);
    const headers = [['Authorization', `Bearer ${app.token()}`]] as const;
    const both = await app.send({ path: `http://localhost/guarded?access_token=${app.token()}`, headers });
    expect([400, 404]).toContain(both.status);
    expectNothing(app, both);
  });

  function expectNothing(app: AppUnderTest, reply: RawReply) {
    expect(app.handled).toEqual([]);
    expect(app.peer.connectionCount).toBe(0);
    expect(app.planted.foundIn(reply.wire)).toEqual([]);
  }
});
