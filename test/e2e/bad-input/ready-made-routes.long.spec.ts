import { describe, expect, it, jest } from '@jest/globals';
import { expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import { vaultKeys, WatchedStore } from '../../support/game/exchange-routes.js';
import {
  acceptAny,
  byPath,
  jws,
  SESSIONINFO,
  TOKEN,
  tokenClaims,
  tokensFor,
  USERINFO,
  VERIFY,
} from '../../support/game/now-gg-messages.js';
import { json, reset, text } from '../../support/raw-http/raw-answers.js';
import type { RawAnswer } from '../../support/raw-http/raw-peer.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const notBodies: readonly (readonly [what: string, type: string, body: string])[] = [
  ['an array', 'application/json', '["code"]'],
  ['a string', 'application/json', '"code"'],
  ['null', 'application/json', 'null'],
  ['a number', 'application/json', '5'],
  ['truncated JSON', 'application/json', '{"code":"x"'],
  ['text', 'text/plain', '{"code":"code"}'],
  ['XML', 'application/xml', '<code>code</code>'],
  ['a form of arrays', 'application/x-www-form-urlencoded', 'code[]=a&code[]=b&session[]=a'],
  ['a form of objects', 'application/x-www-form-urlencoded', 'code[length]=5&session[length]=5'],
  ['a poisoned object', 'application/json', '{"__proto__":{"code":"code","session":"x"}}'],
  ['a megabyte', 'application/json', JSON.stringify({ code: 'c'.repeat(2 ** 20), session: 's'.repeat(2 ** 20) })],
  ['10,000 levels', 'application/json', `{"code":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
];

const notTexts: readonly unknown[] = [
  '',
  '  ',
  'c'.repeat(5120),
  'a\r\nb',
  'a\0b',
  ['code'],
  { code: 'code' },
  { length: 4 },
  5,
  true,
  null,
  undefined,
];
const notProviders: readonly unknown[] = [
  'nobody',
  '__proto__',
  'constructor',
  'toString',
  '',
  ['nowgg'],
  { name: 'nowgg' },
  5,
];
const notGenerations: readonly unknown[] = ['x', '1', -1, 1.5, [1], {}, true];

describe.each(platforms)('ready-made routes on %s', (platform) => {
  it.each(notBodies)('do nothing with a body that is %s', async (_what, type, body) => {
    await using app = await start();
    for (const path of ['/auth/login', '/auth/refresh', '/auth/logout']) {
      const { status } = await app.send({ method: 'POST', path, headers: [['Content-Type', type]], body });
      expect([path, status, status >= 400 && status < 500]).toEqual([path, status, true]);
    }
    expect(app.peer.connectionCount).toBe(0);
    expect(app.store.calls).not.toContain('claimExchange');
  });

  it.each(notTexts)('refuse the code %j', async (code) => {
    await using app = await start();
    expectAnswer(await app.postJson('/auth/login', { code }), 'G');
    expect(app.peer.connectionCount).toBe(0);
    expect(app.store.calls).not.toContain('claimExchange');
  });

  it.each(notProviders)('refuse the provider %j', async (provider) => {
    await using app = await start();
    const reply = await app.postJson('/auth/login', { code: app.planted.plant('code'), provider });
    expect(reply.status).toBe(400);
    expect(app.peer.connectionCount).toBe(0);
  });

  it.each(notTexts)('know no session %j', async (session) => {
    await using app = await start();
    for (const path of ['/auth/refresh', '/auth/logout']) {
      const { status } = await app.postJson(path, { session });
      // Signing out what is no session changes nothing: that may be a success.
      expect([path, status === 400 || status === (path === '/auth/logout' ? 204 : 401)]).toEqual([path, true]);
    }
    expect(app.peer.connectionCount).toBe(0);
  });

  it('end no grant for a session handle that they did not make', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(app.takesCodes);
    const { session } = (await app.postJson('/auth/login', { code: app.planted.plant('code') })).json();
    const handle = String(session);
    const last = handle.at(-1) === 'A' ? 'B' : 'A';
    for (const forged of [
      handle.slice(0, -1),
      `${handle.slice(0, -2)}${last}${last}`,
      `${handle}=`,
      handle.toUpperCase(),
      handle.split('.')[0],
    ])
      expect([204, 400]).toContain((await app.postJson('/auth/logout', { session: forged })).status);
    expect(app.store.calls).not.toContain('revokeGrant');
    expect((await app.postJson('/auth/refresh', { session })).status).toBe(200);
    expect((await app.postJson('/auth/logout', { session })).status).toBe(204);
    expect((await app.postJson('/auth/refresh', { session })).status).toBe(401);
  });

  it.each(notGenerations)('refresh nothing for the generation %j', async (generation) => {
    await using app = await start();
    app.peer.alwaysAnswer(app.takesCodes);
    const { session } = (await app.postJson('/auth/login', { code: app.planted.plant('code') })).json();
    expect((await app.postJson('/auth/refresh', { session, generation })).status).toBe(400);
    expect(app.peer.requestsTo(TOKEN)).toHaveLength(1);
  });

  it('never let the refresh token, or anything else of the token reply, out', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(app.takesCodes);
    const login = await app.postJson('/auth/login', { code: app.planted.plant('code') });
    expect(Object.keys(login.json()).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'generation',
      'session',
      'token',
      'tokenExpiresAt',
      'user',
    ]);
    expect(login.header('Cache-Control')).toBe('no-store');
    const refresh = await app.postJson('/auth/refresh', { session: login.json().session });
    expect(['generation', 'session', 'token', 'tokenExpiresAt']).toEqual(
      expect.arrayContaining(Object.keys(refresh.json())),
    );
    expect(refresh.header('Cache-Control')).toBe('no-store');
    expect(app.planted.foundIn(login.wire + refresh.wire)).toEqual([]);
  });

  it.each<[string, RawAnswer]>([
    ['breaks down', json(500, {})],
    ['resets', reset],
    ['talks nonsense', text(200, '<html>')],
    ['asks for patience', json(429, {}, [['Retry-After', '9']])],
  ])('are an outage, and end no session, when the token endpoint %s', async (_what, answer) => {
    await using app = await start();
    app.peer.alwaysAnswer(answer);
    expectAnswer(await app.postJson('/auth/login', { code: app.planted.plant('code') }), 'S');
    app.clock.advance(61_000);
    app.peer.alwaysAnswer(app.takesCodes);
    const { session, generation } = (await app.postJson('/auth/login', { code: app.planted.plant('code') })).json();
    app.peer.alwaysAnswer(byPath({ [TOKEN]: answer, [VERIFY]: acceptAny }));
    const reply = await app.postJson('/auth/refresh', { session, generation });
    expect([200, 503]).toContain(reply.status);
    app.clock.advance(61_000);
    expect([200, 503]).toContain((await app.postJson('/auth/refresh', { session })).status);
    expect((await app.postJson('/auth/logout', { session })).status).toBe(204);
  });

  it.each(['/auth/me', '/auth/userinfo', '/auth/sessioninfo'])('guard %s', async (path) => {
    await using app = await start();
    expectAnswer(await app.fetch(path), 'U0');
    expectAnswer(await app.fetch(path, '<x>'), 'U1');
    expectAnswer(
      await app.send({
        path,
        headers: [
          ['Authorization', 'Bearer a'],
          ['Authorization', 'Bearer b'],
        ],
      }),
      'Q',
    );
    expect(app.peer.connectionCount).toBe(0);
    app.peer.alwaysAnswer(byPath({ [VERIFY]: json(500, {}), [USERINFO]: json(500, {}), [SESSIONINFO]: json(500, {}) }));
    expectAnswer(await app.fetch(path, app.token()), 'S');
    expect(app.peer.requestsTo(USERINFO)).toEqual([]);
  });

  async function start() {
    const store = new WatchedStore();
    const app = await AppUnderTest.start(platform, {
      wiring: { tokenStore: store, routes: { path: 'auth' } },
      options: { tokens: { encryptionKeys: vaultKeys() } },
    });
    // The access token goes to the player: it is not planted, the refresh token is.
    const takesCode: RawAnswer = (exchange) =>
      json(200, tokensFor(jws(tokenClaims({ userId: 'ada' }), 'signature'), app.planted.plant('refresh')))(exchange);
    return Object.assign(app, { store, takesCodes: byPath({ [TOKEN]: takesCode, [VERIFY]: acceptAny }) });
  }
});
