import { Controller, Get, UseGuards } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { NowggAuth, NowggAuthGuard, NowggPrincipal, NowggUser, nowgg } from 'nestjs-nowgg-auth';
import { type Answer, expectAnswer } from '../../support/raw-http/answers.js';
import { AppUnderTest, platforms } from '../../support/game/app-under-test.js';
import {
  acceptAny,
  accepted,
  CLIENT_ID,
  idTokenClaims,
  refused,
  tokenClaims,
  VERIFY,
} from '../../support/game/now-gg-messages.js';
import { json, reset } from '../../support/raw-http/raw-answers.js';
import { gateOf } from '../../support/gate.js';
import { type RawAnswer, RawPeer } from '../../support/raw-http/raw-peer.js';
import { headerOf, jsonOf } from '../../support/raw-http/raw-request.js';

// Each test boots an application; a busy machine takes its time over hundreds of them.
jest.setTimeout(60_000);

const now = () => Math.floor(Date.now() / 1000);
const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64url');

/** Shapes that are no JWS, or one that tells nothing: only the identity system can say what they are. */
const oddShapes: readonly (readonly [what: string, token: (signature: string) => string])[] = [
  ['two parts', (s) => `${base64('{"alg":"HS256"}')}.${s}`],
  ['four parts', (s) => `${base64('{"alg":"HS256"}')}.${base64('{}')}.a.${s}`],
  ['five parts', (s) => `${base64('{"alg":"dir","enc":"A256GCM"}')}..a.b.${s}`],
  ['six parts', (s) => `a.b.c.d.e.${s}`],
  ['dots alone around the value', (s) => `..${s}..`],
  ['an empty header', (s) => `.${base64('{}')}.${s}`],
  ['an empty payload', (s) => `${base64('{"alg":"HS256"}')}..${s}`],
  ['an empty signature', (s) => `${base64('{"alg":"none"}')}.${base64(JSON.stringify({ a: s }))}.`],
  ['a payload without claims', (s) => `${base64('{"alg":"HS256"}')}.${base64('{}')}.${s}`],
  ['an array as payload', (s) => `${base64('{"alg":"HS256"}')}.${base64('[{"exp":1}]')}.${s}`],
  ['null as payload', (s) => `${base64('{"alg":"HS256"}')}.${base64('null')}.${s}`],
  ['a number as payload', (s) => `${base64('{"alg":"HS256"}')}.${base64('1')}.${s}`],
  ['truncated JSON', (s) => `${base64('{"alg":"HS256"}')}.${base64('{"exp":1,')}.${s}`],
  [
    'bytes that are no UTF-8',
    (s) => `${base64('{"alg":"HS256"}')}.${base64(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]))}.${s}`,
  ],
  [
    'nested 3,000 deep',
    (s) => `${base64('{"alg":"HS256"}')}.${base64(`{"a":${'['.repeat(1500)}${']'.repeat(1500)}}`)}.${s}`,
  ],
  [
    '__proto__ in the payload',
    (s) => `${base64('{"alg":"HS256"}')}.${base64('{"__proto__":{"exp":1,"aud":"x"}}')}.${s}`,
  ],
  ['__proto__ as the header', (s) => `${base64('{"__proto__":{"alg":"HS256"}}')}.${base64('{"constructor":{}}')}.${s}`],
  ['an endless exp', (s) => `${base64('{"alg":"HS256"}')}.${base64('{"exp":1e400}')}.${s}`],
  ['an exp of another type', (s) => `${base64('{"alg":"HS256"}')}.${base64('{"exp":{"valueOf":1}}')}.${s}`],
  ['an exp that is text', (s) => `${base64('{"alg":"HS256"}')}.${base64('{"exp":"yesterday"}')}.${s}`],
  ['alg none', (s) => `${base64('{"alg":"none"}')}.${base64(JSON.stringify(tokenClaims()))}.${s}`],
  ['base64 padding', (s) => `${s}==`],
  ['slashes and pluses', (s) => `+/~${s}`],
];

/** What the token itself already rules out. */
const certain: readonly (readonly [what: string, claims: () => Record<string, unknown>, code: string])[] = [
  ['past its exp', () => tokenClaims({ exp: now() - 60 }), 'expired_token'],
  ['past an exp written in digits', () => tokenClaims({ exp: String(now() - 60) }), 'expired_token'],
  ['past since the epoch', () => tokenClaims({ exp: 0 }), 'expired_token'],
  ['an id_token past its exp', () => idTokenClaims({ exp: now() - 60 }), 'expired_token'],
  ['for another client', () => tokenClaims({ aud: 'another-client' }), 'wrong_client'],
  ['for several other clients', () => tokenClaims({ aud: ['another-client', 'a-third'] }), 'wrong_client'],
  ['for this client in another case', () => tokenClaims({ aud: CLIENT_ID.toUpperCase() }), 'wrong_client'],
  ['for a longer client id', () => tokenClaims({ aud: `${CLIENT_ID} ` }), 'wrong_client'],
  ['an id_token for another client', () => idTokenClaims({ aud: 'another-client' }), 'wrong_client'],
];

/** Routes that take tokens of one named provider. */
@Controller()
@UseGuards(NowggAuthGuard)
class ProviderRoutes {
  @Get('first')
  @NowggAuth({ provider: 'nowgg' })
  first(@NowggUser() user: NowggPrincipal) {
    return { provider: user.provider };
  }

  @Get('second')
  @NowggAuth({ provider: 'second' })
  second(@NowggUser() user: NowggPrincipal) {
    return { provider: user.provider };
  }
}

describe.each(platforms)('tokens on %s', (platform) => {
  it.each([20, 64, 256, 1000])('tells tokens apart that are alike in their first %d characters', async (alike) => {
    await using app = await AppUnderTest.start(platform);
    const start = 'A'.repeat(alike);
    const tokens = ['ada', 'bob'].map((who) => app.planted.keep(`${start}${who}${app.planted.plant('end')}`));
    app.peer.alwaysAnswer((exchange) => {
      const userId = String(jsonOf(exchange.request).token).slice(alike, alike + 3);
      return json(200, accepted(tokenClaims({ userId })))(exchange);
    });
    for (const _round of [1, 2])
      for (const [at, userId] of ['ada', 'bob'].entries())
        expect((await app.fetch('/guarded', tokens[at])).json()).toMatchObject({ userId });
    expect(app.peer.requests).toHaveLength(2);
  });

  it('tells tokens apart that differ in their first character, in case or in padding', async () => {
    await using app = await AppUnderTest.start(platform);
    const end = app.planted.plant('end');
    app.peer.alwaysAnswer((exchange) =>
      json(200, accepted(tokenClaims({ userId: String(jsonOf(exchange.request).token).slice(0, 1) })))(exchange),
    );
    const tokens = [`A${end}`, `B${end}`, `a${end}`, `A${end}=`, `A${end}==`, `A${end.toUpperCase()}`];
    for (const token of tokens) await app.fetch('/guarded', token);
    expect(app.peer.requests.map((request) => jsonOf(request).token)).toEqual(tokens);
  });

  it.each(['profile', 'emails', 'EMAIL', 'e-mail', '', undefined, 5, null])(
    'decides scopes again on every route: %p is not email',
    async (scope) => {
      await using app = await AppUnderTest.start(platform);
      app.peer.alwaysAnswer(acceptAny);
      const token = app.token({ scope });
      expect((await app.fetch('/guarded', token)).status).toBe(200);
      const reply = await app.fetch('/scoped', token);
      expectAnswer(reply, 'F');
      expect(reply.header('WWW-Authenticate')).toContain('scope="email"');
      expect(app.peer.requests).toHaveLength(1);
      expect(app.handled).toEqual(['guarded']);
    },
  );

  it.each(['email', 'profile email', 'email profile authorization'])('finds email in the scope %p', async (scope) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    expect((await app.fetch('/scoped', app.token({ scope }))).status).toBe(200);
  });

  it.each([
    ['an id_token', 'a token', '/tokens', (app: AppUnderTest) => app.idToken()],
    ['a token', 'an id_token', '/id-tokens', (app: AppUnderTest) => app.token()],
  ])('refuses %s where %s is wanted, also when it is cached', async (_sent, _wanted, path, make) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    expectAnswer(await app.fetch(path, make(app)), 'U1');
    expect(app.peer.requests).toHaveLength(0);
    const cached = make(app);
    expect((await app.fetch('/guarded', cached)).status).toBe(200);
    const reply = await app.fetch(path, cached);
    expectAnswer(reply, 'U1');
    expect(reply.json().errorCode).toBe('wrong_token_type');
    expect(app.handled).toEqual(['guarded']);
  });

  it('refuses kinds that the module does not accept at all', async () => {
    await using app = await AppUnderTest.start(platform, {
      options: { verification: { acceptTokenTypes: ['token'] } },
    });
    expectAnswer(await app.fetch('/guarded', app.idToken()), 'U1');
    expect(app.peer.requests).toHaveLength(0);
  });

  it('asks about each kind in its own way, and sends no secret for an id_token', async () => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(acceptAny);
    const [token, idToken] = [app.token(), app.idToken()];
    await app.fetch('/guarded', token);
    await app.fetch('/guarded', idToken);
    const [first, second] = app.peer.requests;
    expect(first && jsonOf(first)).toEqual({
      token_type: 'token',
      token,
      client_id: CLIENT_ID,
      client_secret: app.clientSecret,
    });
    expect(second && jsonOf(second)).toEqual({ token_type: 'id_token', token: idToken, client_id: CLIENT_ID });
    for (const request of app.peer.requests) {
      expect([request.method, request.path]).toEqual(['POST', VERIFY]);
      expect(headerOf(request.headerLines, 'Content-Type')).toMatch(/^application\/json/);
      expect(headerOf(request.headerLines, 'Authorization')).toBeUndefined();
    }
  });

  it('cannot verify tokens without a client secret, and still verifies id_tokens', async () => {
    await using app = await AppUnderTest.start(platform, { withoutSecret: true });
    app.peer.alwaysAnswer(acceptAny);
    expect((await app.fetch('/guarded', app.idToken())).status).toBe(200);
    expectAnswer(await app.fetch('/guarded', app.token()), 'U1');
    expect(app.peer.requests.map((request) => jsonOf(request).token_type)).toEqual(['id_token']);
  });

  it.each(['refresh token', 'code', 'session handle'])('refuses a %s as Bearer', async (kind) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused()));
    expectAnswer(await app.fetch('/guarded', app.planted.plant(kind.replace(' ', '-'))), 'U1');
    expect(app.handled).toEqual([]);
    expect(app.peer.requests).toHaveLength(1);
  });

  it.each(oddShapes)('leaves the verdict to the identity system for: %s', async (_what, make) => {
    await using app = await AppUnderTest.start(platform);
    const token = app.planted.keep(make(app.planted.plant('signature')));
    app.peer.thenAnswer(json(200, refused()));
    expectAnswer(await app.fetch('/guarded', token), 'U1');
    expect(app.peer.requests.map((request) => jsonOf(request).token)).toEqual([token]);
    expect(app.handled).toEqual([]);
  });

  it.each(certain)('refuses without asking a token %s', async (_what, claims, code) => {
    await using app = await AppUnderTest.start(platform);
    const reply = await app.fetch('/guarded', app.signed(claims()));
    expectAnswer(reply, 'U1');
    expect(reply.json().errorCode).toBe(code);
    expect(app.peer.connectionCount).toBe(0);
    expect((await app.fetch('/lenient', app.signed(claims()))).json()).toEqual({ anonymous: true });
    expectAnswer(await app.fetch('/optional', app.signed(claims())), 'U1');
    expect(app.peer.connectionCount).toBe(0);
  });

  it.each([
    ['just past its exp', () => tokenClaims({ exp: now() - 2 })],
    ['for several clients, ours among them', () => tokenClaims({ aud: ['another-client', CLIENT_ID] })],
  ])('asks about a token %s', async (_what, claims) => {
    await using app = await AppUnderTest.start(platform);
    app.peer.alwaysAnswer(json(200, refused('EXPIRED_TOKEN')));
    expectAnswer(await app.fetch('/guarded', app.signed(claims())), 'U1');
    expect(app.peer.requests).toHaveLength(1);
  });

  it('never accepts past the exp of a token, whatever is cached', async () => {
    await using app = await AppUnderTest.start(platform, { options: { verification: { maxAgeMs: 600_000 } } });
    app.peer.alwaysAnswer(acceptAny);
    const token = app.token({ exp: now() + 120 });
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.clock.advance(130_000);
    expectAnswer(await app.fetch('/guarded', token), 'U1');
    expect(app.handled).toEqual(['guarded']);
  });

  it.each(['jwk', 'jku', 'x5u', 'x5c', 'kid'])(
    'fetches nothing from an address that stands in a token: %s',
    async (name) => {
      await using app = await AppUnderTest.start(platform);
      await using bait = await RawPeer.start();
      const values = {
        jwk: { kty: 'oct', k: 'AA' },
        jku: `${bait.url}/jwks`,
        x5u: `${bait.url}/cert`,
        x5c: [bait.url],
        kid: '../../etc/passwd',
      };
      app.peer.alwaysAnswer(json(200, refused()));
      for (const alg of ['HS256', 'RS256', 'none', '__proto__']) {
        const token = app.token(
          { iss: bait.url, hostUrl: bait.url },
          { alg, [name]: values[name as keyof typeof values] },
        );
        expectAnswer(await app.fetch('/guarded', token), 'U1');
      }
      expect(bait.connectionCount).toBe(0);
    },
  );

  it('asks once for 1,000 simultaneous first uses of a token', async () => {
    await using app = await AppUnderTest.start(platform);
    const gate = gateOf();
    app.peer.thenAnswer(async (exchange) => {
      await gate.opened;
      await acceptAny(exchange);
    });
    const token = app.token({ userId: 'ada' });
    const replies = Array.from({ length: 1000 }, async () => app.fetch('/guarded', token));
    await app.peer.untilRequests(1);
    gate.open();
    for (const reply of await Promise.all(replies)) expect(reply.json()).toMatchObject({ userId: 'ada' });
    expect(app.peer.requests).toHaveLength(1);
    expect(app.handled).toHaveLength(1000);
  });

  it('gives 200 simultaneous uses one failure, and remembers none', async () => {
    await using app = await AppUnderTest.start(platform);
    const gate = gateOf();
    const resetLate: RawAnswer = async (exchange) => {
      await gate.opened;
      await reset(exchange);
    };
    app.peer.thenAnswer(resetLate, resetLate);
    const token = app.token();
    const replies = Array.from({ length: 200 }, async () => app.fetch('/guarded', token));
    await app.peer.untilRequests(1);
    app.peer.alwaysAnswer(acceptAny);
    gate.open();
    // Whoever came after the failure asked anew and was accepted.
    const outcomes = (await Promise.all(replies)).map((reply) => reply.status);
    expect(new Set([503, 200, ...outcomes])).toEqual(new Set([503, 200]));
    expect(outcomes).toContain(503);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    // The question that failed was sent twice.
    expect(app.peer.requests).toHaveLength(3);
  });

  it('refuses a token that the identity system revoked while it was cached, from the second question on', async () => {
    await using app = await AppUnderTest.start(platform);
    const token = app.token();
    app.peer.thenAnswer(acceptAny).alwaysAnswer(json(200, refused()));
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    const once = await app.fetch('/fresh', token);
    expectAnswer(once, 'S');
    expect(once.header('Retry-After')).toBe('2');
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.clock.advance(2_000);
    expectAnswer(await app.fetch('/fresh', token), 'U1');
    expectAnswer(await app.fetch('/guarded', token), 'U1');
    expect(app.handled).toEqual(['guarded', 'guarded']);
  });

  it('asks again when a verdict is older than it may be', async () => {
    await using app = await AppUnderTest.start(platform);
    const token = app.token();
    app.peer.thenAnswer(acceptAny).alwaysAnswer(json(200, refused()));
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.clock.advance(30_001);
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    app.clock.advance(2_000);
    expectAnswer(await app.fetch('/guarded', token), 'U1');
  });

  it('keeps providers apart: a token of one is refused where the other is wanted', async () => {
    await using app = await AppUnderTest.start(platform, {
      options: {
        identityProviders: [
          nowgg({ name: 'second', clientId: 'second-client', clientSecret: 'x', baseUrl: 'http://127.0.0.1:1' }),
        ],
      },
      controllers: [ProviderRoutes],
    });
    app.peer.alwaysAnswer(acceptAny);
    const token = app.token();
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    expect((await app.fetch('/first', token)).json()).toEqual({ provider: 'nowgg' });
    const elsewhere = await app.fetch('/second', token);
    expect([elsewhere.status, elsewhere.json()]).toMatchObject([403, { errorCode: 'wrong_provider' }]);
    // Its own identity system is asked first, and cannot be reached.
    expect((await app.fetch('/first', app.token({ aud: 'second-client' }))).status).toBe(503);
    await refuses(app, '/guarded', app.opaque(), 'U1');
    expect(app.peer.requestsTo(VERIFY).every((request) => jsonOf(request).token === token)).toBe(true);
  });

  async function refuses(app: AppUnderTest, path: string, token: string, answer: Answer) {
    expectAnswer(await app.fetch(path, token), answer);
  }
});
