import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { acceptAny, accepted, type Claims, claimsSent, refused } from '../../support/game/now-gg-messages.js';
import { bytes, bytesThenEnd, json, message, text } from '../../support/raw-http/raw-answers.js';
import { type RawAnswer, RawPeer } from '../../support/raw-http/raw-peer.js';
import { jsonOf } from '../../support/raw-http/raw-request.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

/** Makes an answer out of what the real service would have said of the token. */
type Spoilt = readonly [what: string, answer: (good: string) => RawAnswer];

const html = [['Content-Type', 'text/html']] as const;
const jsonType = [['Content-Type', 'application/json']] as const;
const changed = (good: string, changes: Claims) => JSON.stringify({ ...(JSON.parse(good) as Claims), ...changes });
const utf8 = (...parts: (string | number[])[]) => Buffer.concat(parts.map((part) => Buffer.from(part as string)));

const bodies: readonly Spoilt[] = [
  ['an HTML page', () => bytes(message(200, '<html>Welcome</html>', html))],
  ['a good body that says it is HTML', (good) => bytes(message(200, good, html))],
  ['a good body of no type', (good) => bytes(message(200, good))],
  ['a good body of type text/plain', (good) => bytes(message(200, good, [['Content-Type', 'text/plain']]))],
  [
    'a good body of a type that starts like JSON',
    (good) => bytes(message(200, good, [['Content-Type', 'application/jsonp']])),
  ],
  ['a good body of two types', (good) => bytes(message(200, good, [['Content-Type', 'text/html, application/json']]))],
  ['an empty body', () => text(200, '')],
  ['204', () => bytes('HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n')],
  ['blanks', () => text(200, '  \r\n')],
  ['null', () => text(200, 'null')],
  ['an empty array', () => text(200, '[]')],
  ['an array around it', (good) => text(200, `[${good}]`)],
  ['true', () => text(200, 'true')],
  ['a number', () => text(200, '1')],
  ['a string of JSON', (good) => text(200, JSON.stringify(good))],
  ['an empty object', () => text(200, '{}')],
  ['truncated JSON', (good) => text(200, good.slice(0, -1))],
  ['JSON and more', (good) => text(200, `${good}x`)],
  ['two JSON values', (good) => text(200, `${good}\n${good}`)],
  ['JSON with comments', (good) => text(200, `/**/${good}`)],
  ['JSONP', (good) => text(200, `callback(${good})`)],
  ['UTF-16', (good) => text(200, Buffer.from(good, 'utf16le'))],
  ['a stray byte in a string', (good) => text(200, utf8(good.slice(0, -1), ',"a":"', [0xff], '"}'))],
  ['a cut letter in a string', (good) => text(200, utf8(good.slice(0, -1), ',"a":"', [0xe2, 0x82], '"}'))],
  ['an overlong letter in a string', (good) => text(200, utf8(good.slice(0, -1), ',"a":"', [0xc0, 0xaf], '"}'))],
  ['a surrogate written in UTF-8', (good) => text(200, utf8(good.slice(0, -1), ',"a":"', [0xed, 0xa0, 0x80], '"}'))],
  ['gzip', (good) => text(200, gzipSync(good), [['Content-Encoding', 'gzip']])],
  ['a claim to be gzip', (good) => text(200, good, [['Content-Encoding', 'gzip']])],
  ['a body over 64 KiB', (good) => text(200, changed(good, { pad: 'a'.repeat(65_536) }))],
  ['blanks over 64 KiB', (good) => text(200, `${good}${' '.repeat(65_536)}`)],
  [
    'chunks over 64 KiB',
    (good) =>
      bytes(
        message(200, `10040\r\n${good.padEnd(65_600)}\r\n0\r\n\r\n`, [...jsonType, ['Transfer-Encoding', 'chunked']]),
      ),
  ],
];

const framings: readonly Spoilt[] = [
  [
    'a length that is too short',
    (good) => bytesThenEnd(message(200, good, [...jsonType, ['Content-Length', String(good.length - 5)]])),
  ],
  [
    'a length that is too long',
    (good) => bytesThenEnd(message(200, good, [...jsonType, ['Content-Length', String(good.length + 5)]])),
  ],
  [
    'two lengths',
    (good) =>
      bytesThenEnd(message(200, good, [...jsonType, ['Content-Length', '5'], ['Content-Length', String(good.length)]])),
  ],
  ['a length that is no number', (good) => bytesThenEnd(message(200, good, [...jsonType, ['Content-Length', 'many']]))],
  ['chunks that are none', (good) => bytesThenEnd(message(200, good, [...jsonType, ['Transfer-Encoding', 'chunked']]))],
  [
    'chunks that end early',
    (good) =>
      bytesThenEnd(
        message(200, `${good.length.toString(16)}\r\n${good}\r\n`, [...jsonType, ['Transfer-Encoding', 'chunked']]),
      ),
  ],
  ['half a body', (good) => bytesThenEnd(message(200, good, jsonType).subarray(0, -9))],
  ['half a head', () => bytesThenEnd('HTTP/1.1 200 OK\r\nContent-Ty')],
  ['no head', (good) => bytesThenEnd(good)],
  ['no HTTP', () => bytesThenEnd('SSH-2.0-OpenSSH_9.6\r\n')],
  ['a TLS alert', () => bytesThenEnd(Buffer.from([0x15, 3, 3, 0, 2, 2, 40]))],
  ['a head over 16 KiB', (good) => bytesThenEnd(message(200, good, [...jsonType, ['X-Pad', 'a'.repeat(20_000)]]))],
  ['a folded head', (good) => bytesThenEnd(message(200, good, [['Content-Type', 'text/html\r\n application/json']]))],
  [
    'another protocol',
    () => bytesThenEnd('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
  ],
];

const envelopes: readonly Spoilt[] = [
  ...['true', 1, {}, [true], null, undefined].map(
    (success): Spoilt => [`success ${JSON.stringify(success)}`, (good) => text(200, changed(good, { success }))],
  ),
  ...[
    'verification_success',
    'VERIFICATION_SUCCESS ',
    'SUCCESS',
    'USERDATA',
    'REFRESH_TOKEN TOKEN',
    '',
    null,
    ['VERIFICATION_SUCCESS'],
    undefined,
  ].map((code): Spoilt => [`success with code ${JSON.stringify(code)}`, (good) => text(200, changed(good, { code }))]),
  ['success with INVALID_TOKEN', (good) => text(200, changed(good, { code: 'INVALID_TOKEN' }))],
  ['success with EXPIRED_TOKEN', (good) => text(200, changed(good, { code: 'EXPIRED_TOKEN' }))],
  ['no success with VERIFICATION_SUCCESS', (good) => text(200, changed(good, { success: false }))],
  ...[undefined, null, 'false', 0, ''].map(
    (success): Spoilt => [
      `INVALID_TOKEN with success ${JSON.stringify(success)}`,
      () => json(200, { ...refused(), success }),
    ],
  ),
  ...[
    'invalid_token',
    'INVALID_TOKENS',
    ' INVALID_TOKEN',
    'CLIENT_NOT_FOUND',
    'SERVER_ERROR',
    '__proto__',
    '',
    5,
    ['INVALID_TOKEN'],
    null,
    undefined,
  ].map((code): Spoilt => [`no success with code ${JSON.stringify(code)}`, () => json(200, { ...refused(), code })]),
  ['an OAuth error', () => json(400, { error: 'invalid_token', error_description: 'no' })],
  ['everything inside __proto__', (good) => text(200, `{"__proto__":${good}}`)],
  ['everything inside constructor', (good) => text(200, `{"constructor":{"prototype":${good}}}`)],
  ['everything one level down', (good) => text(200, `{"data":${good}}`)],
];

const statuses: readonly Spoilt[] = [500, 501, 502, 503, 504, 511, 599, 429].flatMap((status): Spoilt[] => [
  [`${status} with success`, (good) => text(status, good)],
  [`${status} with INVALID_TOKEN`, () => json(status, refused())],
]);

describe.each(platforms)('unusable replies on %s', (platform) => {
  let shared: AppUnderTest;
  beforeAll(async () => {
    shared = await AppUnderTest.start(platform);
  });
  afterAll(async () => shared[Symbol.asyncDispose]());

  it.each([...bodies, ...framings, ...envelopes, ...statuses])(
    'are not verdicts and stand for five seconds only: %s',
    async (_what, spoil) => {
      // A connection of its own for each row: on a kept one a broken reply may be worth a second question.
      await shared.peer.dropConnections();
      const before = shared.soFar;
      const token = shared.token({ exp: 4_102_444_800 });
      // Other players' tokens are asked about as well, to see whether the line is at fault.
      const asked = () => shared.peer.requests.filter((request) => jsonOf(request).token === token).length;
      shared.peer.alwaysAnswer((exchange) =>
        jsonOf(exchange.request).token === token
          ? spoil(JSON.stringify(accepted(claimsSent(exchange))))(exchange)
          : acceptAny(exchange),
      );
      expectAnswer(await shared.fetch('/guarded', token), 'S');
      expect(shared.since(before).handled).toEqual([]);
      // What fails fast is asked once more.
      expect([1, 2]).toContain(asked());
      const askedAtFirst = asked();
      shared.peer.alwaysAnswer(acceptAny);
      shared.clock.advance(5_000);
      expect((await shared.fetch('/guarded', token)).status).toBe(200);
      expect(asked()).toBe(askedAtFirst + 1);
    },
  );

  it.each([300, 301, 302, 303, 304, 305, 307, 308])('a %d is not followed, whatever its body says', async (status) => {
    await using app = await AppUnderTest.start(platform);
    await using bait = await RawPeer.start();
    for (const body of [accepted, () => refused()]) {
      for (const location of [
        bait.url,
        `${bait.url}/accounts/oauth2/v1/verify-token`,
        `//127.0.0.1:${bait.port}/`,
        '/elsewhere',
      ]) {
        app.peer.thenAnswer((exchange) => json(status, body(claimsSent(exchange)), [['Location', location]])(exchange));
        expectAnswer(await app.fetch('/guarded', app.token()), 'S');
        app.clock.advance(61_000);
      }
    }
    expect(bait.connectionCount).toBe(0);
    expect(app.peer.requests.every((request) => request.path !== '/elsewhere')).toBe(true);
    expect(app.handled).toEqual([]);
  });

  it.each([200, 201, 400, 401, 403, 404, 410, 418])('decides by the envelope at status %d', async (status) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.thenAnswer((exchange) => json(status, accepted(claimsSent(exchange)))(exchange));
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    for (const code of ['INVALID_TOKEN', 'EXPIRED_TOKEN'] as const) {
      app.peer.thenAnswer(json(status, refused(code)));
      const token = app.token();
      for (const _again of [1, 2]) {
        const reply = await app.fetch('/guarded', token);
        expectAnswer(reply, 'U1');
        expect(reply.json().errorCode).toBe(code.toLowerCase());
      }
    }
    expect(app.peer.requests).toHaveLength(3);
    expect(app.handled).toEqual(['guarded']);
  });

  it.each(['/optional', '/lenient'])('an unusable reply is no anonymous caller on %s', async (path) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(500, {}));
    expectAnswer(await app.fetch(path, app.token()), 'S');
    expect(app.handled).toEqual([]);
  });

  it('a verdict that is not too old stands in for an unusable reply, where the route allows it', async () => {
    await using app = await AppUnderTest.start(platform);
    const token = app.token();
    app.peer.thenAnswer(acceptAny).alwaysAnswer(text(200, '<html>'));
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.clock.advance(40_000);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expectAnswer(await app.fetch('/never-stale', token), 'S');
    expectAnswer(await app.fetch('/fresh', token), 'S');
    app.clock.advance(300_000);
    expectAnswer(await app.fetch('/guarded', token), 'S');
    expect(app.handled).toEqual(['guarded', 'guarded']);
  });

  it('keeps taking the usual variations of a good reply', async () => {
    await using app = await AppUnderTest.start(platform);
    const good = (answer: (body: string) => RawAnswer) =>
      app.peer.thenAnswer((exchange) => answer(JSON.stringify(accepted(claimsSent(exchange))))(exchange));
    good((body) => bytes(message(200, body, [['Content-Type', 'Application/JSON; charset=UTF-8']])));
    good((body) => text(200, `\r\n ${body} \n`));
    good((body) => text(200, changed(body, { msg: undefined, more: [1], success_message: 'x' })));
    good((body) =>
      bytes(
        message(200, `${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`, [
          ...jsonType,
          ['Transfer-Encoding', 'chunked'],
        ]),
      ),
    );
    good((body) =>
      bytesThenEnd(`HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n\r\n${body}`),
    );
    good((body) =>
      bytes(
        Buffer.concat([Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'), message(200, body, jsonType)]),
      ),
    );
    for (const _reply of Array.from({ length: 6 })) expect((await app.fetch('/guarded', app.token())).status).toBe(200);
  });
});
