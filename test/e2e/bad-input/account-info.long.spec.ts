import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { acceptAny, byPath, refused, SESSIONINFO, USERINFO, VERIFY } from '../../support/game/now-gg-messages.js';
import { json, reset, text } from '../../support/raw-http/raw-answers.js';
import { type RawAnswer, RawPeer } from '../../support/raw-http/raw-peer.js';
import { headerOf, jsonOf } from '../../support/raw-http/raw-request.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const endpoints = [
  ['/userinfo', USERINFO, 'userData', { userId: 'ada', name: 'Ada' }],
  ['/sessioninfo', SESSIONINFO, 'sessionData', { ip: '192.0.2.1' }],
] as const;

const noes: readonly (readonly [what: string, answer: RawAnswer])[] = [
  ['401 and nothing', text(401, '')],
  ['401 and HTML', text(401, '<html>', [['Content-Type', 'text/html']])],
  ['401 and a refusal', json(401, { success: false, code: 'INVALID_TOKEN' })],
  ['a refusal at 200', json(200, { success: false, code: 'ANYTHING' })],
];

const nonsense: readonly (readonly [what: string, answer: RawAnswer])[] = [
  ['HTML', text(200, '<html>')],
  ['nothing', text(200, '')],
  ['an array', json(200, [])],
  ['no payload', json(200, { success: true, code: 'USERDATA' })],
  ['a payload that is an array', json(200, { success: true, code: 'USERDATA', userData: [], sessionData: [] })],
  [
    'another code',
    json(200, { success: true, code: 'VERIFICATION_SUCCESS', userData: { userId: 'ada' }, sessionData: {} }),
  ],
  ['a 500 with success', json(500, { success: true, code: 'USERDATA', userData: { userId: 'ada' }, sessionData: {} })],
  ['a 500 with a refusal', json(500, { success: false, code: 'INVALID_TOKEN' })],
  [
    'a 429',
    json(429, { success: true, code: 'USERDATA', userData: { userId: 'ada' }, sessionData: {} }, [
      ['Retry-After', '5'],
    ]),
  ],
  ['a body over 64 KiB', text(200, ' '.repeat(70_000))],
  ['a reset', reset],
];

const badUsers: readonly unknown[] = [undefined, '', 5, {}, 'u'.repeat(256), 'a\0b', 'a\ud800', 'a\r\nb'];

describe.each(platforms)('account information on %s', (platform) => {
  it.each(endpoints)('%s sends the token and nothing else', async (route, path, payload, info) => {
    await using app = await AppUnderTest.start(platform);
    const token = app.token({ userId: 'ada' });
    app.peer.alwaysAnswer(byPath({ [path]: json(200, { success: true, code: 'USERDATA', [payload]: info }) }));
    const reply = await ask(app, route, token);
    expect([reply.status, reply.json()]).toEqual([200, expect.objectContaining(info)]);
    const [request] = app.peer.requests;
    expect([request?.method, request?.body]).toEqual(['GET', '']);
    expect(request && headerOf(request.headerLines, 'Authorization')).toBe(`Bearer ${token}`);
  });

  describe.each(endpoints.map(([route, path]) => [route, path] as const))('%s', (route, path) => {
    it.each(noes)('asks verify-token after a no, and its verdict decides: %s', async (_what, answer) => {
      await using app = await AppUnderTest.start(platform);
      app.peer.alwaysAnswer(byPath({ [path]: answer, [VERIFY]: json(200, refused()) }));
      expectAnswer(await ask(app, route, app.token()), 'U1');
      app.peer.alwaysAnswer(byPath({ [path]: answer, [VERIFY]: acceptAny }));
      expectAnswer(await ask(app, route, app.token()), 'S');
      app.peer.alwaysAnswer(byPath({ [path]: answer, [VERIFY]: json(503, refused()) }));
      expectAnswer(await ask(app, route, app.token()), 'S');
      // What fails fast is asked once more, and a known token may be asked about to see whether the line is at fault.
      expect(new Set(app.peer.requestsTo(VERIFY).map((request) => jsonOf(request).token)).size).toBe(3);
      expect(app.handled).toEqual([]);
    });

    it.each(nonsense)('takes no reply that is none: %s', async (_what, answer) => {
      await using app = await AppUnderTest.start(platform);
      app.peer.alwaysAnswer(byPath({ [path]: answer }));
      expectAnswer(await ask(app, route, app.token()), 'S');
      expect(app.peer.requests).toHaveLength(1);
      expect(app.handled).toEqual([]);
    });

    it.each([301, 302, 307, 308])('takes the token to no other address at %d', async (status) => {
      await using app = await AppUnderTest.start(platform);
      await using bait = await RawPeer.start();
      app.peer.alwaysAnswer(byPath({ [path]: json(status, {}, [['Location', `${bait.url}${path}`]]) }));
      expectAnswer(await ask(app, route, app.token()), 'S');
      expect(bait.connectionCount).toBe(0);
    });

    it.each(['', 'A B', 'A\tB', '"A"', 'A'.repeat(8193), 'A\u00e9'])(
      'sends no token that is none: %j',
      async (token) => {
        await using app = await AppUnderTest.start(platform);
        expectAnswer(await ask(app, route, token), 'U1');
        expect(app.peer.connectionCount).toBe(0);
      },
    );
  });

  it.each(badUsers)('believes no account whose userId is %p', async (userId) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, { success: true, code: 'USERDATA', userData: { userId, name: 'Ada' } }));
    expectAnswer(await ask(app, '/userinfo', app.opaque()), 'S');
    expect(app.handled).toEqual([]);
  });

  it('believes no account of another player than the one whose token was sent', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, { success: true, code: 'USERDATA', userData: { userId: 'mallory' } }));
    expectAnswer(await ask(app, '/userinfo', app.token({ userId: 'ada' })), 'S');
    expect(app.handled).toEqual([]);
  });

  it('tolerates what is absent, unknown or oddly typed, and passes no poison on', async () => {
    await using app = await AppUnderTest.start(platform);
    const userData = '{"__proto__":{"admin":true},"userId":"ada","name":5,"email":null,"city":["x"],"extra":{"a":1}}';
    app.peer.alwaysAnswer(text(200, `{"success":true,"code":"USERDATA","userData":${userData}}`));
    const reply = await ask(app, '/userinfo', app.token({ userId: 'ada' }));
    expect(reply.status).toBe(200);
    expect(reply.json()).toMatchObject({ userId: 'ada' });
    expect(reply.body).not.toContain('admin');
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
  });

  async function ask(app: AppUnderTest, path: string, token: string) {
    return app.send({ path, headers: [['X-Token', token]] });
  }
});
