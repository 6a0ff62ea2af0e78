import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { StoreUnavailableError } from 'nestjs-nowgg-auth';
import { jwt, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { MemoryTokenStore } from '../../libs/nowgg-auth/src/tokens/store/memory/memory-token-store.js';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { Issuer } from './support/issuer.js';
import { SecurityEvents } from './support/security-events.js';
import { API, shapeOf } from './configurations/configuration.js';
import { WebGame } from './support/web-game.js';

jest.setTimeout(60_000);

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const FORM = 'application/x-www-form-urlencoded';
const client = { clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI };

const optionsFor = (issuer: string) => ({
  name: 'web',
  issuer,
  ...client,
  acceptCodesAtLogin: true,
  backchannelLogout: true,
  verification: jwt({ audience: API }),
});

describe.each(['express', 'fastify'] as const)('a sign-out at oidc-provider with a game on %s', (platform) => {
  let system: IdentitySystem;
  let game: WebGame;
  let answers: number[];

  beforeEach(async () => {
    answers = [];
    const shape = shapeOf({
      name: 'back-channel logout',
      features: { backchannelLogout: { enabled: true } },
      client: {
        backchannel_logout_uri: 'https://game.example/auth/web/backchannel-logout',
        backchannel_logout_session_required: true,
      },
      system: {
        // What a proxy does for the public address of the game. The provider's own dispatcher refuses loopback.
        fetch: async (url: string | URL, { method, headers, body }: RequestInit) => {
          const init = { method, headers, body } as RequestInit;
          const answer = await fetch(new URL(new URL(url).pathname, game.url), init);
          answers.push(answer.status);
          return answer;
        },
      },
    });
    system = await IdentitySystem.start(shape);
    game = await WebGame.start([oauth2(optionsFor(system.url))], {}, platform, { routes: true });
  });
  afterEach(async () => {
    await game[Symbol.asyncDispose]();
    await system[Symbol.asyncDispose]();
  });

  const leave = async (browser: Browser) => {
    const cookie = () => ({ cookie: browser.cookies(system.url) ?? '' });
    const page = await fetch((await game.authorization.endSessionUrl('web')) ?? '', { headers: cookie() });
    for (const each of page.headers.getSetCookie()) browser.keep(system.url, each);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(await page.text())?.[1] ?? '';
    const body = new URLSearchParams({ xsrf, logout: 'yes' });
    await fetch(`${system.url}/session/end/confirm`, { method: 'POST', headers: cookie(), body, redirect: 'manual' });
  };

  it('ends the session of that browser, and no other session of the player', async () => {
    const [first, second] = [new Browser(), new Browser()];
    const [ended, other] = [await game.signIn(first), await game.signIn(second)];
    expect(ended.grant.sessionId).toBeDefined();
    await leave(first);
    expect(answers).toEqual([200]);
    expect(await game.outcome(ended.accessToken.token)).toBe('invalid: revoked_token');
    await expect(game.tokens.openSession(ended.session)).rejects.toMatchObject({
      errorCode: 'reauthentication_required',
    });
    expect(await game.outcome(other.accessToken.token)).toBe('valid');
    expect((await game.tokens.openSession(other.session)).grant.state).toBe('active');
    const again = await game.signIn(first);
    expect(await game.outcome(again.accessToken.token)).toBe('valid');
  });
});

describe('POST :provider/backchannel-logout', () => {
  let issuer: Issuer;
  let foreign: Issuer;
  let game: WebGame;
  let events: SecurityEvents;
  let isStoreAway = false;
  let beforeGrant: (() => Promise<unknown>) | undefined;

  beforeAll(async () => {
    [issuer, foreign] = [await Issuer.start(), await Issuer.start(20)];
    class Store extends MemoryTokenStore {
      override async listGrants(...given: Parameters<MemoryTokenStore['listGrants']>) {
        if (isStoreAway) throw new StoreUnavailableError();
        return super.listGrants(...given);
      }
      override async completeExchange(...given: Parameters<MemoryTokenStore['completeExchange']>) {
        await beforeGrant?.();
        return super.completeExchange(...given);
      }
    }
    const silent = oauth2({ ...optionsFor(issuer.url), name: 'silent', clientId: 'other', backchannelLogout: false });
    const tokenStore = { inject: [], create: ({ clock }: { clock: WebGame['clock'] }) => new Store(clock) };
    game = await WebGame.start([oauth2(optionsFor(issuer.url)), silent], { tokenStore }, 'express', { routes: true });
  });
  afterAll(async () => {
    await game[Symbol.asyncDispose]();
    await Promise.all([issuer[Symbol.asyncDispose](), foreign[Symbol.asyncDispose]()]);
  });
  beforeEach(() => {
    events = new SecurityEvents();
  });
  afterEach(() => {
    events[Symbol.dispose]();
    [isStoreAway, beforeGrant, issuer.mood] = [false, undefined, 'up'];
  });

  const seconds = () => Math.floor(game.clock.now() / 1000);
  /** A sign-in of a player; its access token has no `sid`. */
  const signIn = async (sub: string, sid?: string) => {
    const times = { iat: seconds(), exp: seconds() + 3_600 };
    const access = { iss: issuer.url, aud: API, sub, client_id: CLIENT_ID, jti: randomUUID(), ...times };
    const idToken = await issuer.sign({ iss: issuer.url, aud: CLIENT_ID, sub, sid, ...times }, { typ: 'JWT' });
    issuer.tokenReply = {
      access_token: await issuer.sign(access),
      token_type: 'Bearer',
      refresh_token: randomUUID(),
      id_token: idToken,
    };
    return game.tokens.exchangeCode(randomUUID(), { provider: 'web' });
  };
  const claimsOf = (claims: Record<string, unknown>) => ({
    iss: issuer.url,
    aud: CLIENT_ID,
    iat: seconds(),
    exp: seconds() + 120,
    jti: randomUUID(),
    events: { [EVENT]: {} },
    ...claims,
  });
  const logoutToken = async (claims: Record<string, unknown>, header: Record<string, unknown> = {}, by = issuer) =>
    by.sign(claimsOf(claims), { typ: 'logout+jwt', ...header });
  const send = async (body: string, contentType = FORM, provider = 'web') => {
    const path = `/auth/${provider}/backchannel-logout`;
    const answer = await fetch(game.url + path, { method: 'POST', headers: { 'content-type': contentType }, body });
    return { status: answer.status, cache: answer.headers.get('cache-control'), body: await answer.text() };
  };
  const report = async (token: string) => send(new URLSearchParams({ logout_token: token }).toString());
  const outcome = async ({ accessToken }: Awaited<ReturnType<typeof signIn>>) =>
    game.outcome(accessToken.token, { provider: 'web' });
  const state = async ({ grant }: Awaited<ReturnType<typeof signIn>>) =>
    (await game.tokens.listGrants(grant.userId, { provider: 'web' })).find(({ id }) => id === grant.id)?.state;

  it('ends every session of a user where the token names no session', async () => {
    const ended = [await signIn('all-1', 's-1'), await signIn('all-1', 's-2'), await signIn('all-1')];
    const other = await signIn('all-2', 's-3');
    expect(await report(await logoutToken({ sub: 'all-1' }))).toEqual({ status: 200, cache: 'no-store', body: '' });
    for (const each of ended)
      expect([await outcome(each), await state(each)]).toEqual(['invalid: revoked_token', 'revoked']);
    expect([await outcome(other), await state(other)]).toEqual(['valid', 'active']);
  });

  it.each(['of the user', 'alone'])('ends the session that the token names %s', async (sub) => {
    const named = sub === 'alone' ? {} : { sub };
    const [ended, other] = [await signIn(sub, `${sub}-1`), await signIn(sub, `${sub}-2`)];
    expect((await report(await logoutToken({ ...named, sid: `${sub}-1` }))).status).toBe(200);
    expect([await outcome(ended), await state(ended)]).toEqual(['invalid: revoked_token', 'revoked']);
    expect([await outcome(other), await state(other)]).toEqual(['valid', 'active']);
  });

  it('ends a session of the user whose sid is not known: it may be the one', async () => {
    const unknown = await signIn('unknown');
    await report(await logoutToken({ sub: 'unknown', sid: 'some' }));
    expect(await outcome(unknown)).toBe('invalid: revoked_token');
  });

  it.each([
    ['at once', 0, 0],
    ['from a clock that is ahead', 120, 0],
    ['a minute later', 0, 60_000],
    ['from a clock that is ahead, and later', 120, 60_000],
  ])('never ends a later sign-in, when the token is repeated %s', async (name, aheadS, laterMs) => {
    const sub = `again ${name}`;
    const before = await signIn(sub, 'before');
    const token = await logoutToken({ sub, iat: seconds() + aheadS, exp: seconds() + 600 });
    expect((await report(token)).status).toBe(200);
    game.clock.advance(1_000);
    const after = await signIn(sub, 'after');
    game.clock.advance(laterMs);
    expect((await report(token)).status).toBe(200);
    expect([await outcome(before), await state(before)]).toEqual(['invalid: revoked_token', 'revoked']);
    expect([await outcome(after), await state(after)]).toEqual(['valid', 'active']);
  });

  it.each<[string, object]>([
    ['session', { sub: 'under way', sid: 'under-way-1' }],
    ['user', { sub: 'under way' }],
  ])('ends a sign-in that is under way in that %s', async (_which, named) => {
    const answers: number[] = [];
    beforeGrant = async () => answers.push((await report(await logoutToken({ ...named }))).status);
    await expect(signIn('under way', 'under-way-1')).rejects.toMatchObject({ errorCode: 'invalid_grant' });
    expect(answers).toEqual([200]);
    const grants = await game.tokens.listGrants('under way', { provider: 'web' });
    expect(grants.filter(({ state: each }) => each === 'active')).toEqual([]);
  });

  it('leaves a sign-in alone that began after the sign-out that is reported late', async () => {
    const token = await logoutToken({ sub: 'late' });
    game.clock.advance(1_000);
    const after = await signIn('late', 'after');
    expect((await report(token)).status).toBe(200);
    expect([await outcome(after), await state(after)]).toEqual(['valid', 'active']);
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['another issuer', { iss: 'https://evil.example' }, {}, 'issuer'],
    ['another client', { aud: 'another' }, {}, 'audience'],
    ['no audience', { aud: undefined }, {}, 'audience'],
    ['no event', { events: undefined }, {}, 'claims'],
    ['another event', { events: { 'http://schemas.openid.net/event/other': {} } }, {}, 'claims'],
    ['an event that is a text', { events: { [EVENT]: 'x' } }, {}, 'claims'],
    ['events as a list', { events: [EVENT] }, {}, 'claims'],
    ['a nonce', { nonce: 'n' }, {}, 'claims'],
    ['a nonce that is null', { nonce: null }, {}, 'claims'],
    ['neither sub nor sid', { sub: undefined }, {}, 'claims'],
    ['a sub that is a number', { sub: 7 }, {}, 'claims'],
    ['a sub that is empty', { sub: '' }, {}, 'claims'],
    ['a sid that is a list', { sid: ['s'] }, {}, 'claims'],
    ['no jti', { jti: undefined }, {}, 'claims'],
    ['no iat', { iat: undefined }, {}, 'claims'],
    ['an iat that is a text', { iat: '1' }, {}, 'claims'],
    ['no exp', { exp: undefined }, {}, 'claims'],
    ['an exp that has passed', { exp: 1 }, {}, 'time'],
    ['an iat far ahead', { iat: 4e9, exp: 4e9 + 1 }, {}, 'time'],
    ['the type of an access token', {}, { typ: 'at+jwt' }, 'header'],
    ['the type of a proof', {}, { typ: 'dpop+jwt' }, 'header'],
    ['a type that is a number', {}, { typ: 1 }, 'header'],
    ['a kid that is a number', {}, { kid: 1 }, 'header'],
    ['a critical extension', {}, { crit: ['b64'], b64: true }, 'header'],
  ])('refuses a token with %s, and ends nothing', async (_name, claims, header, fault) => {
    const player = await signIn('safe', 'safe-1');
    const { status, cache, body } = await report(await logoutToken({ sub: 'safe', ...claims }, header));
    expect([status, cache, JSON.parse(body)]).toEqual([
      400,
      'no-store',
      { statusCode: 400, errorCode: 'invalid_request', message: `the logout token is not valid: ${fault}` },
    ]);
    expect(events.of('logout_token_refused')).toMatchObject([{ provider: 'web', detail: fault }]);
    expect([await outcome(player), await state(player)]).toEqual(['valid', 'active']);
  });

  it('refuses what the issuer did not sign with the algorithm of its id_tokens', async () => {
    const player = await signIn('safe', 'safe-2');
    const claims = claimsOf({ sub: 'safe' });
    const good = await logoutToken({ sub: 'safe' });
    const [header = '', payload = '', signature = ''] = good.split('.');
    const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const hmac = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'logout+jwt' });
    const hostile = [
      await logoutToken({ sub: 'safe' }, {}, foreign),
      await logoutToken({ sub: 'safe' }, { kid: issuer.currentKey.kid }, foreign),
      await logoutToken({ sub: 'safe' }, { kid: 'unknown' }),
      await hmac.sign(new TextEncoder().encode(JSON.stringify(issuer.currentKey.publicJwk))),
      await hmac.sign(new TextEncoder().encode(CLIENT_SECRET)),
      `${text({ alg: 'none' })}.${text(claims)}.`,
      `${text({ alg: 'none' })}.${text(claims)}.AA`,
      `${header}.${text({ ...claims, sub: 'safe' })}.${signature}`,
      `${header}.${payload}.${signature}=`,
      `${header}.${payload}`,
      `${good}.${signature}`,
      '',
      'x'.repeat(9_000),
    ];
    for (const [index, token] of hostile.entries()) {
      const { status } = await report(token);
      expect([index, status]).toEqual([index, 400]);
    }
    expect([await outcome(player), await state(player)]).toEqual(['valid', 'active']);
  });

  it('takes one token in a form, and nothing else', async () => {
    const token = await logoutToken({ sub: 'form' });
    const body = `logout_token=${token}`;
    expect((await send(JSON.stringify({ logout_token: token }), 'application/json')).status).toBe(400);
    expect((await send(body, 'text/plain')).status).toBe(400);
    expect((await send(`${body}&${body}`)).status).toBe(400);
    expect((await send(`logout_token[]=${token}`)).status).toBe(400);
    expect((await send('')).status).toBe(400);
    expect((await send(body, FORM, 'silent')).status).toBe(404);
    expect((await send(body, FORM, '__proto__')).status).toBe(404);
    expect((await fetch(`${game.url}/auth/web/backchannel-logout?${body}`)).status).toBe(404);
    expect((await send(`${body}&more=x`, `${FORM}; charset=utf-8`)).status).toBe(200);
  });

  it('answers 503 while a store is away, and finishes when the token is repeated', async () => {
    const player = await signIn('outage', 'outage-1');
    const token = await logoutToken({ sub: 'outage', sid: 'outage-1' });
    isStoreAway = true;
    const { status, cache } = await report(token);
    expect([status, cache]).toEqual([503, 'no-store']);
    isStoreAway = false;
    expect((await report(token)).status).toBe(200);
    expect([await outcome(player), await state(player)]).toEqual(['invalid: revoked_token', 'revoked']);
  });

  it('answers 503 while the keys of the issuer cannot be fetched', async () => {
    const away = await Issuer.start(40);
    const other = await WebGame.start([oauth2(optionsFor(away.url))], {}, 'express', { routes: true });
    away.mood = 'broken';
    const body = new URLSearchParams({ logout_token: await logoutToken({ iss: away.url, sub: 'p' }, {}, away) });
    const answer = await fetch(`${other.url}/auth/web/backchannel-logout`, { method: 'POST', body });
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([503, 'no-store']);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]/);
    await other[Symbol.asyncDispose]();
    await away[Symbol.asyncDispose]();
  });
});
