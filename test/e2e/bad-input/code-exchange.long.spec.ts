import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type Answer, expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, type AppOptions, platforms } from '../../support/game/app-under-test.js';
import { ExchangeRoutes, vaultKeys, WatchedStore } from '../../support/game/exchange-routes.js';
import { gateOf } from '../../support/gate.js';
import {
  acceptAny,
  accepted,
  byPath,
  CLIENT_ID,
  claimsSent,
  refused,
  TOKEN,
  tokensFor,
  VERIFY,
} from '../../support/game/now-gg-messages.js';
import { after, drip, hangUp, json, message, reset, silence, text } from '../../support/raw-http/raw-answers.js';
import type { RawReply } from '../../support/raw-http/raw-client.js';
import { type RawAnswer, RawPeer } from '../../support/raw-http/raw-peer.js';
import { jsonOf } from '../../support/raw-http/raw-request.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const notCodes: readonly (readonly [what: string, code: unknown])[] = [
  ['empty', ''],
  ['blank', '   '],
  ['5 KB', 'c'.repeat(5120)],
  ['with CR LF', 'code\r\nX-Owned: 1'],
  ['with LF', 'code\n'],
  ['with NUL', 'co\0de'],
  ['with ESC', 'co\x1b[2Jde'],
  ['with a lone surrogate', 'code\ud800'],
  ['an array', ['code']],
  ['an array of arrays', [['code']]],
  ['an object', { code: 'code' }],
  ['an object that looks like a string', { length: 5, toString: 'code' }],
  ['a number', 5],
  ['true', true],
  ['null', null],
  ['absent', undefined],
];

/** What is no refusal and no token set. */
const unusable: readonly (readonly [what: string, answer: (good: Record<string, unknown>) => RawAnswer])[] = [
  ['HTML', () => text(200, '<html>')],
  ['nothing', () => text(200, '')],
  ['null', () => text(200, 'null')],
  ['an array', (good) => json(200, [good])],
  ['a good set at 500', (good) => json(500, good)],
  ['a good set at 503', (good) => json(503, good)],
  ['a good set at 429', (good) => json(429, good)],
  ['a refusal at 500', () => json(500, { success: false, code: 'INVALID_CODE' })],
  ['a refusal at 429', () => json(429, { success: false, code: 'INVALID_CODE' })],
  ['a refusal without a code', () => json(400, { success: false, msg: 'no' })],
  ['a refusal with a code of another type', () => json(400, { success: false, code: 7 })],
  ['a refusal with code null', () => json(400, { success: false, code: null })],
  ['a refusal in words', () => json(400, { success: 'false', code: 'INVALID_CODE' })],
  ['a code without success', (good) => json(200, { ...good, success: undefined })],
  ['success in words', (good) => json(200, { ...good, success: 'true' })],
  ['another success code', (good) => json(200, { ...good, code: 'VERIFICATION_SUCCESS' })],
  ['success with a refusal code', (good) => json(200, { ...good, code: 'INVALID_TOKEN' })],
  ['everything inside __proto__', (good) => text(200, `{"__proto__":${JSON.stringify(good)}}`)],
  ...['token', 'refresh_token'].flatMap((name) =>
    [undefined, null, '', ' ', 5, {}, ['x'], 'a b', 'a\r\nb', 'x'.repeat(70_000)].map(
      (value) =>
        [
          `${name} ${JSON.stringify(value)?.slice(0, 12)}`,
          (good: Record<string, unknown>) => json(200, { ...good, [name]: value }),
        ] as const,
    ),
  ),
  ...['tomorrow', '', '-1', -1, {}, true].map(
    (value) =>
      [
        `token_expiry ${JSON.stringify(value)}`,
        (good: Record<string, unknown>) => json(200, { ...good, token_expiry: value }),
      ] as const,
  ),
];

const lost: readonly (readonly [what: string, answer: RawAnswer])[] = [
  ['a reset', reset],
  ['a closed connection', hangUp],
  ['silence', silence],
  [
    'a body that drips',
    drip('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n', 'a'.repeat(900)),
  ],
];

describe.each(platforms)('codes on %s', (platform) => {
  let shared: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    shared = await start();
  });
  afterAll(async () => shared[Symbol.asyncDispose]());

  it.each(notCodes)('sends no request for a code that is %s', async (_what, code) => {
    const before = shared.soFar;
    const calls = shared.store.calls.length;
    expectAnswer(await shared.postJson('/exchange', { code }), 'G');
    expect(shared.since(before)).toEqual({ handled: [], calls: 0, connections: 0 });
    expect(shared.store.calls.slice(calls)).toEqual([]);
  });

  it('sends no request without a body', async () => {
    await using app = await start();
    expectAnswer(await app.postJson('/exchange', '{}'), 'G');
    // Fastify's own parser refuses such a body before anyone sees it.
    expect((await app.postJson('/exchange', '{"__proto__":{"code":"code"}}')).status).toBe(400);
    expect(app.peer.connectionCount).toBe(0);
  });

  it('sends what the token endpoint documents, once, and gives the same grant for the same code', async () => {
    await using app = await start();
    const code = app.planted.plant('code');
    app.peer.alwaysAnswer(app.takesCodes());
    const first = await app.postJson('/exchange', { code });
    const second = await app.postJson('/exchange', { code });
    expect([first.status, second.json()]).toEqual([200, first.json()]);
    expect(app.tokenCalls().map(jsonOf)).toEqual([
      {
        grant_type: 'code',
        code,
        client_id: CLIENT_ID,
        client_secret: app.clientSecret,
        token_type: 'refresh_token token',
      },
    ]);
    expect(await app.grantsOf('ada')).toHaveLength(1);
  });

  it('makes one call and one grant of the same code 50 times at once', async () => {
    await using app = await start();
    const gate = gateOf();
    const code = app.planted.plant('code');
    app.peer.thenAnswer(after(gate.opened, app.takesCodes())).alwaysAnswer(app.takesCodes());
    const taps = Array.from({ length: 50 }, async () => app.postJson('/exchange', { code }));
    await app.peer.untilRequests(1);
    gate.open();
    const grants = (await Promise.all(taps)).map((reply) => reply.json().grantId);
    expect(new Set(grants).size).toBe(1);
    expect(grants[0]).toEqual(expect.any(String));
    expect(app.tokenCalls()).toHaveLength(1);
    expect(await app.grantsOf('ada')).toHaveLength(1);
  });

  it.each([200, 400, 401, 403, 404])(
    'takes any well-formed refusal at %d for a no, and stores nothing',
    async (status) => {
      await using app = await start({
        options: { tokens: { encryptionKeys: vaultKeys() }, verification: { refusalsAreDefinite: true } },
      });
      for (const code of ['INVALID_CODE', 'INVALID_TOKEN', '', '__proto__', app.planted.plant('refusal')]) {
        app.peer.thenAnswer(json(status, { success: false, code, msg: app.clientSecret, refresh_token: 'x' }));
        await expectNothingComesOf(app, 'G', app.planted.plant('code'));
      }
      expect(app.handled).toEqual([]);
    },
  );

  it('refuses two codes, and more only while our secret is known to work', async () => {
    await using app = await start();
    const no = json(400, { success: false, code: 'INVALID_CODE' });
    app.peer.alwaysAnswer(byPath({ [TOKEN]: no, [VERIFY]: acceptAny }));
    const bring = () => app.postJson('/exchange', { code: app.planted.plant('code') });
    for (const answer of ['G', 'G', 'S', 'S'] as const) expectAnswer(await bring(), answer);
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    // From the third on another player's token shows that it is about the code.
    for (const answer of ['G', 'G', 'G', 'G'] as const) expectAnswer(await bring(), answer);
    expect(app.peer.requestsTo(VERIFY)).toHaveLength(2);
  });

  it.each(unusable)('takes for an outage: %s', async (_what, answer) => {
    await using app = await start();
    const { token, refreshToken } = app.set();
    app.peer.thenAnswer(answer(tokensFor(token, refreshToken)));
    await expectNothingComesOf(app, 'S', app.planted.plant('code'));
    expect(app.peer.requests).toHaveLength(1);
  });

  it.each(lost)('never sends a code twice by itself: %s, on a kept connection too', async (_what, answer) => {
    await using app = await start({
      options: { tokens: { encryptionKeys: vaultKeys(), softDeadlineMs: 250, lateReplyMs: 500 } },
    });
    app.peer.alwaysAnswer(byPath({ [VERIFY]: acceptAny, [TOKEN]: answer }));
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    await expectNothingComesOf(app, 'S', app.planted.plant('code'));
    expect(app.tokenCalls()).toHaveLength(1);
  });

  it.each([301, 302, 303, 307, 308])('follows no %d from the token endpoint', async (status) => {
    await using app = await start();
    await using bait = await RawPeer.start();
    const { token, refreshToken } = app.set();
    app.peer.thenAnswer(json(status, tokensFor(token, refreshToken), [['Location', `${bait.url}${TOKEN}`]]));
    await expectNothingComesOf(app, 'S', app.planted.plant('code'));
    expect(bait.connectionCount).toBe(0);
    expect(app.peer.requests).toHaveLength(1);
  });

  it.each([
    ['is down', json(500, {})],
    [
      'talks of another token',
      (exchange) => json(200, accepted({ ...claimsSent(exchange), userId: 'mallory' }))(exchange),
    ],
    ['gives no user', (exchange) => json(200, accepted({ ...claimsSent(exchange), userId: '' }))(exchange)],
    ['asks for patience', json(429, {}, [['Retry-After', '3']])],
  ] satisfies [string, RawAnswer][])(
    'loses nothing when verify-token %s right after the exchange',
    async (_what, answer) => {
      await using app = await start();
      const code = app.planted.plant('code');
      app.peer.thenAnswer(app.takesCodes()).alwaysAnswer(byPath({ [VERIFY]: answer }));
      expectAnswer(await app.postJson('/exchange', { code }), 'S');
      app.peer.alwaysAnswer(app.takesCodes());
      expect(app.handled).toEqual([]);
      expect(await app.grantsOf('ada')).toEqual([]);
      app.clock.advance(15_000);
      expect((await app.postJson('/exchange', { code })).json()).toMatchObject({ userId: 'ada' });
      expect(app.tokenCalls()).toHaveLength(1);
      expect(await app.grantsOf('mallory')).toEqual([]);
    },
  );

  it('makes no grant of a token that verify-token refuses', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(byPath({ [TOKEN]: app.takesCodes(), [VERIFY]: json(200, refused()) }));
    const reply = await app.postJson('/exchange', { code: app.planted.plant('code') });
    expect(reply.status).toBeGreaterThanOrEqual(400);
    expect(reply.json().errorCode).toEqual(expect.any(String));
    expect(app.handled).toEqual([]);
    expect(await app.grantsOf('ada')).toEqual([]);
  });

  it.each([
    ['for another client', { aud: 'another-client' }],
    ['that is over', { exp: 1_600_000_000 }],
    ['of another issuer', { iss: 'https://evil.example' }],
  ])('makes no grant of a token %s', async (_what, changes) => {
    await using app = await start();
    const { token, refreshToken } = app.set(changes);
    app.peer.alwaysAnswer(byPath({ [TOKEN]: json(200, tokensFor(token, refreshToken)), [VERIFY]: acceptAny }));
    expect((await app.postJson('/exchange', { code: app.planted.plant('code') })).status).toBeGreaterThanOrEqual(400);
    expect(app.handled).toEqual([]);
    expect(await app.grantsOf('ada')).toEqual([]);
  });

  it('takes neither a code, nor a refresh token, nor a session handle as Bearer', async () => {
    await using app = await start();
    const code = app.planted.plant('code');
    app.peer.thenAnswer(app.takesCodes(), app.takesCodes()).alwaysAnswer(json(200, refused()));
    const { session } = (await app.postJson('/exchange', { code })).json();
    for (const credential of [code, app.refreshTokens[0], String(session)])
      expectAnswer(await app.fetch('/guarded', credential), 'U1');
    expect(app.handled).toEqual(['exchange']);
  });

  it('hands the store nothing that can be read', async () => {
    await using app = await start();
    const code = app.planted.plant('code');
    app.peer.alwaysAnswer(app.takesCodes());
    const { grantId, session } = (await app.postJson('/exchange', { code })).json();
    app.peer.alwaysAnswer(json(200, { success: false, code: app.refreshTokens[0], msg: app.clientSecret }));
    await app.postJson('/refresh', { grantId });
    app.planted.keep(String(session).split('.').at(-1) ?? String(session));
    expect(app.store.calls).toEqual(
      expect.arrayContaining(['claimExchange', 'sealExchange', 'completeExchange', 'acquireLease']),
    );
    expect(app.planted.foundIn(app.store.handed)).toEqual([]);
    app.planted.forget(String(session).split('.').at(-1) ?? String(session));
  });

  it('refuses session handles that it did not make', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(app.takesCodes());
    const { grantId, session } = (await app.postJson('/exchange', { code: app.planted.plant('code') })).json();
    const handle = String(session);
    const last = handle.at(-1) === 'A' ? 'B' : 'A';
    const forged: unknown[] = [
      '',
      'x',
      String(grantId),
      handle.slice(0, -1),
      `${handle.slice(0, -2)}${last}${last}`,
      `${handle}A`,
      ` ${handle}`,
      `${handle}\n`,
      handle.toUpperCase(),
      'A'.repeat(5120),
      'a\0b',
      [handle],
      { session: handle },
      null,
      5,
      undefined,
      '..',
      '__proto__',
    ];
    for (const session of forged) {
      const { status } = await app.postJson('/resume', { session });
      expect([session, status]).toEqual([session, 401]);
    }
    expect((await app.postJson('/resume', { session: handle })).json()).toEqual({ grantId });
  });

  it.each([
    '',
    'x',
    "' OR 1=1 --",
    '00000000-0000-0000-0000-000000000000',
    'A'.repeat(5120),
    'a\0b',
    ['x'],
    {},
    5,
    null,
    undefined,
  ])('knows no grant %p', async (grantId) => {
    await using app = await start();
    for (const path of ['/refresh', '/act']) {
      const reply = await app.postJson(path, { grantId });
      expect([reply.status, reply.json().errorCode]).toEqual([401, 'reauthentication_required']);
    }
    expect(app.handled).toEqual([]);
    expect(app.peer.connectionCount).toBe(0);
  });

  it('refuses the token of a grant that was ended here, cached or not', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(app.takesCodes());
    const { grantId, session } = (await app.postJson('/exchange', { code: app.planted.plant('code') })).json();
    expect((await app.fetch('/guarded', app.tokens[0])).status).toBe(200);
    expect((await app.postJson('/revoke', { grantId })).status).toBe(204);
    const reply = await app.fetch('/guarded', app.tokens[0]);
    expectAnswer(reply, 'U1');
    expect(reply.json().errorCode).toBe('revoked_token');
    for (const [path, body] of [
      ['/refresh', { grantId }],
      ['/act', { grantId }],
      ['/resume', { session }],
    ] as const)
      expect((await app.postJson(path, body)).status).toBe(401);
    expect(app.handled).toEqual(['exchange', 'guarded']);
  });

  it('keeps the refresh token when a refresh brings none, and never sends it anywhere else', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(app.takesCodes());
    const { grantId } = (await app.postJson('/exchange', { code: app.planted.plant('code') })).json();
    for (const generation of [2, 3]) {
      const { token } = app.set();
      app.peer.thenAnswer(
        json(200, tokensFor(token, '', { refresh_token: undefined, refresh_token_expiry: undefined })),
      );
      expect((await app.postJson('/refresh', { grantId })).json()).toEqual({ generation });
    }
    const refreshes = app.tokenCalls().slice(1).map(jsonOf);
    expect(refreshes).toEqual(
      [1, 2].map(() => ({
        grant_type: 'refresh_token',
        refresh_token: app.refreshTokens[0],
        client_id: CLIENT_ID,
        client_secret: app.clientSecret,
        token_type: 'token',
      })),
    );
  });

  it.each([
    ['a refusal', json(400, { success: false, code: 'INVALID_REFRESH_TOKEN' })],
    ['a 500', json(500, {})],
    ['HTML', text(200, '<html>')],
    ['a reset', reset],
    ['a redirect', json(302, {}, [['Location', 'http://127.0.0.1:1/']])],
    ['a set without a token', json(200, { success: true, code: 'REFRESH_TOKEN TOKEN' })],
    ['a success that says INVALID', json(200, { success: true, code: 'INVALID_TOKEN', token: 'x' })],
    ['a body over 64 KiB', text(200, message(200, ' '.repeat(70_000)).toString())],
  ] satisfies [string, RawAnswer][])(
    'no player has to sign in again after one refresh that ended in %s',
    async (what, answer) => {
      await using app = await start();
      app.peer.alwaysAnswer(app.takesCodes());
      const { grantId } = (await app.postJson('/exchange', { code: app.planted.plant('code') })).json();
      app.peer.alwaysAnswer(answer);
      const reply = await app.postJson('/refresh', { grantId });
      // A token that still works may be the answer; a sign-out never is.
      if (reply.status !== 200) expectAnswer(reply, what === 'a refusal' ? 'D' : 'S');
      expect((await app.grantsOf('ada')).map(({ state }) => state)).not.toContain('needs_reauth');
      expect((await app.postJson('/act', { grantId })).status).toBe(200);
    },
  );

  it('says what to configure when codes cannot be exchanged for want of a secret', async () => {
    await using app = await start({ withoutSecret: true });
    const reply = await app.postJson('/exchange', { code: app.planted.plant('code') });
    expect([reply.status, reply.json().errorCode]).toEqual([500, 'configuration']);
    expect(app.peer.connectionCount).toBe(0);
  });

  async function start(options: AppOptions = {}) {
    const store = new WatchedStore();
    const app = await AppUnderTest.start(platform, {
      controllers: [ExchangeRoutes],
      wiring: { tokenStore: store },
      ...options,
      options: { tokens: { encryptionKeys: vaultKeys() }, ...options.options },
    });
    const tokens: string[] = [];
    const refreshTokens: string[] = [];
    /** A token and a refresh token as the token endpoint would make them. */
    const set = (changes: Record<string, unknown> = {}) => {
      const token = app.token({ userId: 'ada', ...changes });
      const refreshToken = app.planted.plant('refresh-token');
      tokens.push(token);
      refreshTokens.push(refreshToken);
      return { token, refreshToken };
    };
    const takesCode: RawAnswer = (exchange) => {
      const { token, refreshToken } = set();
      return json(200, tokensFor(token, refreshToken))(exchange);
    };
    return Object.assign(app, {
      store,
      tokens,
      refreshTokens,
      set,
      takesCodes: () => byPath({ [TOKEN]: takesCode, [VERIFY]: acceptAny }),
      tokenCalls: () => app.peer.requestsTo(TOKEN),
      grantsOf: async (userId: string) =>
        (await app.fetch(`/grants/${userId}`)).json() as unknown as { id: string; state: string }[],
    });
  }

  async function expectNothingComesOf(app: Awaited<ReturnType<typeof start>>, answer: Answer, code: string) {
    const reply: RawReply = await app.postJson('/exchange', { code });
    expectAnswer(reply, answer);
    expect(app.store.calls).not.toContain('completeExchange');
    expect(await app.grantsOf('ada')).toEqual([]);
    expect(app.handled.filter((name) => name === 'exchange')).toEqual([]);
    expect(app.planted.foundIn(app.store.handed)).toEqual([]);
  }
});
