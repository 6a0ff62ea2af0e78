import { createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memoryTokenStore, NowggAuthModule, NowggRevocationService } from 'nestjs-nowgg-auth';
import { NowggAuthorizationService, NowggOAuth2Module, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { ProvingKey } from '../../libs/nowgg-auth/src/testing-support/proving-key.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { GuardedRoutes, HandlerRuns } from '../support/game/guarded-routes.js';
import { Turnstile } from '../support/game/turnstile.js';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { SecurityEvents } from './support/security-events.js';
import { wgtwoShape } from './support/shapes.js';
import { KEY } from './support/web-game.js';

jest.setTimeout(60_000);

const USER = `pairwise-${CLIENT_ID}-player-1`;
const SITE = 'https://game.example';

@Module({})
class GameModule {}

/** A page: its verifier, and the challenge of it. */
function newPage() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

function changedAt(place: number, text: string): string {
  return `${text.slice(0, place)}${text[place] === 'A' ? 'B' : 'A'}${text.slice(place + 1)}`;
}

describe.each(['express', 'fastify'] as const)('the way back to a page on %s', (platform) => {
  let system: IdentitySystem;
  let app: INestApplication;
  let base: string;
  let clock: OffsetClock;
  let browser: Browser;
  let events: SecurityEvents;

  const boot = async (binding: 'offered' | 'required') => {
    const auth = NowggAuthModule.forRoot({
      identityProviders: [
        wgtwo({ baseUrl: system.url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }),
      ],
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [KEY], sessions: { binding } },
      routes: { publicUrl: SITE },
      strategyName: false,
      clock,
    });
    const oauth2 = NowggOAuth2Module.forRoot({
      routes: { guards: [Turnstile] },
      returnTo: ['/lobby', 'https://play.example'],
    });
    const booted = await NestFactory.create(
      { module: GameModule, imports: [auth, oauth2], controllers: [GuardedRoutes], providers: [HandlerRuns] },
      platform === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
      { logger: false, abortOnError: false },
    );
    await booted.listen(0, '127.0.0.1');
    base = await booted.getUrl();
    return booted;
  };

  beforeAll(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    clock = new OffsetClock();
    app = await boot('offered');
  });
  beforeEach(() => {
    browser = new Browser();
    events = new SecurityEvents();
  });
  afterEach(() => {
    Turnstile.isClosed = false;
    system.mood = 'up';
    events[Symbol.dispose]();
  });
  afterAll(async () => {
    await app.close();
    await system[Symbol.asyncDispose]();
  });

  const get = async (path: string) => {
    const cookie = browser.cookies(REDIRECT_URI);
    const reply = await fetch(`${base}/auth/${path}`, {
      redirect: 'manual',
      ...(cookie !== undefined && { headers: { cookie } }),
    });
    for (const setCookie of reply.headers.getSetCookie()) browser.keep(REDIRECT_URI, setCookie);
    return reply;
  };
  const start = async (challenge: string, returnTo = '/lobby?x=1') =>
    get(`wgtwo/authorize?${new URLSearchParams({ challenge, returnTo }).toString()}`);
  /** Runs a sign-in up to the answer of the callback. */
  const comeBack = async (challenge: string, returnTo?: string) => {
    const out = await start(challenge, returnTo);
    const callback = new URL(await browser.go(out.headers.get('location') as string));
    return get(`wgtwo/callback${callback.search}`);
  };
  const handoffIn = (reply: Response) => {
    const { hash } = new URL(reply.headers.get('location') as string, SITE);
    return new URLSearchParams(hash.slice(1)).get('nowgg-handoff') as string;
  };
  const post = async (body: unknown, dpop?: string, route = 'handoff') => {
    const reply = await fetch(`${base}/auth/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(dpop !== undefined && { dpop }) },
      body: JSON.stringify(body),
    });
    return { status: reply.status, headers: reply.headers, body: (await reply.json()) as Record<string, unknown> };
  };

  const refusedProof = { status: 401, body: { errorCode: 'invalid_dpop_proof' } };
  const proofOf = (credential: string, by: ProvingKey, route = 'handoff') =>
    by.proof({ credential, address: `${SITE}/auth/${route}`, atMs: clock.now() });

  it('ends in a redirect to the page, whose verifier gets the session', async () => {
    const { verifier, challenge } = newPage();
    const back = await comeBack(challenge);
    expect([back.status, await back.text()]).toEqual([302, '']);
    expect(back.headers.get('cache-control')).toBe('no-store');
    expect(back.headers.get('referrer-policy')).toBe('no-referrer');
    expect(back.headers.getSetCookie()).toEqual([expect.stringContaining('Max-Age=0')]);
    const location = back.headers.get('location') as string;
    expect(location).toMatch(/^\/lobby\?x=1#nowgg-handoff=[\w-]{100,1024}&nowgg-challenge=[\w-]{43}$/);
    const reply = await post({ handoff: handoffIn(back), verifier });
    expect([reply.status, reply.headers.get('cache-control')]).toEqual([200, 'no-store']);
    expect(reply.body).toEqual({
      token: expect.any(String),
      tokenExpiresAt: expect.any(String),
      generation: 1,
      session: expect.any(String),
      user: expect.objectContaining({ provider: 'wgtwo', userId: USER }),
    });
    const { token, session } = reply.body as { token: string; session: string };
    for (const secret of [token, session]) expect(location).not.toContain(secret);
    const guarded = await fetch(`${base}/guarded`, { headers: { authorization: `Bearer ${token}` } });
    expect(guarded.status).toBe(200);
  });

  it('gives the same session to the same page again, also many times at once, for 60 seconds', async () => {
    const { verifier, challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    const replies = await Promise.all(Array.from({ length: 20 }, async () => post({ handoff, verifier })));
    expect(new Set(replies.map(({ status, body }) => `${status} ${String(body.session)}`)).size).toBe(1);
    clock.advance(20_000);
    expect((await post({ handoff, verifier })).body.session).toBe(replies[0]?.body.session);
    clock.advance(41_000);
    expect(await post({ handoff, verifier })).toMatchObject({ status: 400, body: { errorCode: 'invalid_grant' } });
    expect(events.of('foreign_handoff')).toEqual([]);
  });

  it('binds the session to the key of the page, and gives it to no other key or none', async () => {
    const { verifier, challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    const [key, thief] = [new ProvingKey(), new ProvingKey()];
    for (const proof of ['x', proofOf('another', key), proofOf(handoff, key, 'login')])
      expect(await post({ handoff, verifier }, proof)).toMatchObject(refusedProof);
    const { body } = await post({ handoff, verifier }, proofOf(handoff, key));
    expect(body).toMatchObject({ token: expect.any(String), session: expect.any(String), bound: true });
    expect(await post({ handoff, verifier })).toMatchObject(refusedProof);
    expect(await post({ handoff, verifier }, proofOf(handoff, thief))).toMatchObject(refusedProof);
    const again = await post({ handoff, verifier }, proofOf(handoff, key));
    expect(again.body).toMatchObject({ session: body.session, bound: true });
    const session = body.session as string;
    expect(await post({ session }, undefined, 'refresh')).toMatchObject(refusedProof);
    expect(await post({ session }, proofOf(session, key, 'refresh'), 'refresh')).toMatchObject({ status: 200 });
    expect(events.of('foreign_handoff')).toEqual([]);
  });

  it('serves pages with a key only where one is required, and no sign-in without a page', async () => {
    const offering = base;
    const requiring = await boot('required');
    try {
      const { verifier, challenge } = newPage();
      const without = await get('wgtwo/authorize?returnTo=/lobby');
      expect([without.status, without.headers.getSetCookie()]).toEqual([400, []]);
      const back = await comeBack(challenge);
      expect(back.status).toBe(302);
      const handoff = handoffIn(back);
      expect(await post({ handoff, verifier })).toMatchObject(refusedProof);
      const { body } = await post({ handoff, verifier }, proofOf(handoff, new ProvingKey()));
      expect(body).toMatchObject({ token: expect.any(String), bound: true });
    } finally {
      await requiring.close();
      base = offering;
    }
  });

  it('is burned by any other verifier, in each spelling, and is a security event', async () => {
    const { verifier, challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const bytes = Buffer.from(handoff, 'base64url');
    const spellings = Array.from(alphabet, (last) => handoff.slice(0, -1) + last).filter((text) =>
      Buffer.from(text, 'base64url').equals(bytes),
    );
    expect(spellings).toContain(handoff);
    expect(await post({ handoff: spellings.at(-1), verifier: newPage().verifier })).toMatchObject({
      status: 400,
      body: { errorCode: 'invalid_grant' },
    });
    expect(events.of('foreign_handoff')).toEqual([{ type: 'foreign_handoff' }]);
    for (const spelling of spellings) {
      expect(await post({ handoff: spelling, verifier })).toMatchObject({ status: 400 });
    }
    clock.advance(90_000);
    expect((await post({ handoff, verifier })).status).toBe(400);
  });

  it('gives nothing to a page that has the handoff of another sign-in', async () => {
    const [mine, other] = [newPage(), newPage()];
    const theirs = handoffIn(await comeBack(other.challenge));
    expect((await post({ handoff: theirs, verifier: mine.verifier })).status).toBe(400);
    expect((await post({ handoff: handoffIn(await comeBack(mine.challenge)), verifier: mine.verifier })).status).toBe(
      200,
    );
  });

  it('gives nothing to a player who was banned meanwhile', async () => {
    browser.keep(system.url, 'player=player-2; Path=/');
    const userId = USER.replace('player-1', 'player-2');
    const { verifier, challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    const revocations = app.get(NowggRevocationService, { strict: false });
    const [until, reason] = [new Date(clock.now() + 600_000), { code: 'cheating' }];
    await revocations.revoke({ userId, provider: 'wgtwo' }, { until, reason });
    expect(await post({ handoff, verifier })).toMatchObject({
      status: 403,
      body: { errorCode: 'user_banned', reasonCode: 'cheating', until: until.toISOString() },
    });
  });

  it('needs no identity system', async () => {
    const { verifier, challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    system.mood = 'gone';
    // The callback has verified the token: no one has to be asked.
    expect((await post({ handoff, verifier })).status).toBe(200);
  });

  it.each<[string, (handoff: string) => unknown]>([
    ['no verifier', (handoff) => ({ handoff })],
    ['a short verifier', (handoff) => ({ handoff, verifier: 'x'.repeat(42) })],
    ['a long verifier', (handoff) => ({ handoff, verifier: 'x'.repeat(129) })],
    ['a verifier in an array', (handoff) => ({ handoff, verifier: [newPage().verifier] })],
    ['a verifier with a line break', (handoff) => ({ handoff, verifier: `${newPage().verifier}\n` })],
    ['no handoff', () => ({ verifier: newPage().verifier })],
    ['an empty handoff', () => ({ handoff: '', verifier: newPage().verifier })],
    ['an endless handoff', () => ({ handoff: 'x'.repeat(1_025), verifier: newPage().verifier })],
    ['a made-up handoff', () => ({ handoff: randomBytes(200).toString('base64url'), verifier: newPage().verifier })],
    ['a cut handoff', (handoff) => ({ handoff: handoff.slice(0, -2), verifier: newPage().verifier })],
    ['another alphabet', (handoff) => ({ handoff: `${handoff}=`, verifier: newPage().verifier })],
    ['a changed handoff', (handoff) => ({ handoff: changedAt(60, handoff), verifier: newPage().verifier })],
    ['a handoff of another key', (handoff) => ({ handoff: changedAt(3, handoff), verifier: newPage().verifier })],
    ['an array', () => []],
  ])('is refused with %s, and burns nothing', async (_name, bodyOf) => {
    const { verifier, challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    const asked = system.seen.length;
    const reply = await post(bodyOf(handoff));
    expect(reply.status).toBe(400);
    expect(['invalid_request', 'invalid_grant']).toContain(reply.body.errorCode);
    expect(JSON.stringify(reply.body)).not.toContain(handoff);
    expect(system.seen).toHaveLength(asked);
    expect(events.of('foreign_handoff')).toEqual([]);
    expect((await post({ handoff, verifier })).status).toBe(200);
  });

  it.each([
    ['a short challenge', { challenge: 'x'.repeat(42), returnTo: '/lobby' }],
    ['a long challenge', { challenge: 'x'.repeat(44), returnTo: '/lobby' }],
    ['an empty challenge', { challenge: '', returnTo: '/lobby' }],
    ['another alphabet', { challenge: `${'x'.repeat(42)}.`, returnTo: '/lobby' }],
    ['no page', { challenge: newPage().challenge }],
    ['a page of another site', { challenge: newPage().challenge, returnTo: 'https://evil.example/' }],
    ['another origin by two slashes', { challenge: newPage().challenge, returnTo: '//play.example' }],
    ['a page that is not on the list', { challenge: newPage().challenge, returnTo: '/admin' }],
    ['a page with a fragment', { challenge: newPage().challenge, returnTo: '/lobby#nowgg-handoff=x' }],
    ['an empty fragment', { challenge: newPage().challenge, returnTo: '/lobby#' }],
    ['a script', { challenge: newPage().challenge, returnTo: 'javascript:alert(1)' }],
  ])('is not begun with %s: 400 by name, no cookie, no one asked', async (_name, parameters) => {
    const asked = system.seen.length;
    const reply = await get(`wgtwo/authorize?${new URLSearchParams(parameters).toString()}`);
    expect([reply.status, reply.headers.getSetCookie(), reply.headers.get('location')]).toEqual([400, [], null]);
    const { errorCode, message } = (await reply.json()) as { errorCode: string; message: string };
    expect([errorCode, /^(?:challenge|returnTo|a challenge)/.test(message)]).toEqual(['invalid_request', true]);
    expect(system.seen).toHaveLength(asked);
  });

  it('is not begun with two challenges', async () => {
    const { challenge } = newPage();
    const twice = `challenge=${challenge}&challenge=${challenge}`;
    expect((await get(`wgtwo/authorize?returnTo=/lobby&${twice}`)).status).toBe(400);
  });

  it('leads to a page of another origin on the list', async () => {
    const { challenge } = newPage();
    const back = await comeBack(challenge, 'https://play.example/game?level=2');
    expect(back.headers.get('location')).toMatch(/^https:\/\/play\.example\/game\?level=2#nowgg-handoff=/);
  });

  it('tells the page why there is no session, and which attempt it was', async () => {
    browser.keep(system.url, 'refuses=1; Path=/');
    const { challenge } = newPage();
    const back = await comeBack(challenge);
    expect(back.status).toBe(302);
    expect(back.headers.get('location')).toBe(`/lobby?x=1#nowgg-error=access_denied&nowgg-challenge=${challenge}`);
  });

  it('tells the page of a refused code, and sends an address without a sign-in of this browser nowhere', async () => {
    const { challenge } = newPage();
    const out = await start(challenge);
    const callback = new URL(await browser.go(out.headers.get('location') as string));
    callback.searchParams.set('code', 'made-up');
    const stranger = await fetch(`${base}/auth/wgtwo/callback${callback.search}`, { redirect: 'manual' });
    expect([stranger.status, stranger.headers.get('location')]).toEqual([400, null]);
    const back = await get(`wgtwo/callback${callback.search}`);
    expect(back.headers.get('location')).toMatch(/^\/lobby\?x=1#nowgg-error=invalid_grant&/);
  });

  it('stays a 503 that may be loaded again while the identity system is down', async () => {
    const { verifier, challenge } = newPage();
    const out = await start(challenge);
    const callback = new URL(await browser.go(out.headers.get('location') as string));
    system.mood = 'broken';
    expect((await get(`wgtwo/callback${callback.search}`)).status).toBe(503);
    system.mood = 'up';
    clock.advance(60_000);
    const back = await get(`wgtwo/callback${callback.search}`);
    expect((await post({ handoff: handoffIn(back), verifier })).status).toBe(200);
  });

  it('asks first when another site begins it, and keeps page and challenge', async () => {
    const { challenge } = newPage();
    const query = new URLSearchParams({ challenge, returnTo: '/lobby' }).toString();
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' };
    const page = await fetch(`${base}/auth/wgtwo/authorize?${query}`, { redirect: 'manual', headers });
    expect([page.status, page.headers.getSetCookie()]).toEqual([200, []]);
    expect(await page.text()).toContain(`challenge=${challenge}`);
  });

  it('stands behind the guards, and its errors tell nothing', async () => {
    Turnstile.isClosed = true;
    expect((await post({ handoff: 'x', verifier: newPage().verifier })).status).toBe(429);
    Turnstile.isClosed = false;
    const { challenge } = newPage();
    const handoff = handoffIn(await comeBack(challenge));
    const service = app.get(NowggAuthorizationService, { strict: false });
    const verifier = newPage().verifier;
    const error: unknown = await service.redeemHandoff(handoff, verifier).catch((thrown: unknown) => thrown);
    const shown = inspect(error, { depth: 9, showHidden: true });
    for (const secret of [handoff, verifier, challenge]) expect(shown).not.toContain(secret);
  });
});
