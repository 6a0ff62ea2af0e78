import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memoryTokenStore, NowggAuthModule } from 'nestjs-nowgg-auth';
import { NowggOAuth2Module, type NowggOAuth2ModuleOptions, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { call } from '../support/raw-http/raw-client.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { SecurityEvents } from './support/security-events.js';
import { wgtwoShape } from './support/shapes.js';
import { KEY } from './support/web-game.js';

jest.setTimeout(60_000);

const MINUTE = 60_000;
const OWN = { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': 'document' };
const FOREIGN = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'document', Referer: 'https://evil.example/' };
const PAGE_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

@Module({})
class GameModule {}

/** A reply with its headers by lower-case name; cookies apart. */
interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: readonly string[];
  readonly text: string;
}

describe.each(['express', 'fastify'] as const)('a start of a sign-in on %s', (platform) => {
  let system: IdentitySystem;
  let app: INestApplication;
  let clock: OffsetClock;
  let browser: Browser;
  let events: SecurityEvents;

  const start = async (options: NowggOAuth2ModuleOptions = {}) => {
    clock = new OffsetClock();
    const provider = (name: string, clientId: string) =>
      wgtwo({ name, baseUrl: system.url, clientId, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI });
    const auth = NowggAuthModule.forRoot({
      identityProviders: [provider('wgtwo', CLIENT_ID), provider('another', 'another-game')],
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [KEY] },
      strategyName: false,
      clock,
    });
    app = await NestFactory.create(
      { module: GameModule, imports: [auth, NowggOAuth2Module.forRoot({ routes: true, ...options })] },
      platform === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
      { logger: false, abortOnError: false },
    );
    await app.listen(0, '127.0.0.1');
  };

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    browser = new Browser();
    events = new SecurityEvents();
    await start();
  });
  afterEach(async () => {
    events[Symbol.dispose]();
    await app.close();
    await system[Symbol.asyncDispose]();
  });

  const get = async (path: string, headers: Record<string, string> = {}): Promise<Reply> => {
    const { port } = app.getHttpServer().address() as { port: number };
    const reply = await call(port, { path: `/auth/${path}`, headers: Object.entries(headers) });
    const lines = reply.headerLines.map(([name, value]) => [name.toLowerCase(), value] as const);
    const cookies = lines.filter(([name]) => name === 'set-cookie').map(([, value]) => value);
    return { status: reply.status, headers: Object.fromEntries(lines), cookies, text: reply.body };
  };

  /** A navigation of the browser: sends its cookies and keeps those of the answer. */
  const navigate = async (headers: Record<string, string>, path = 'wgtwo/authorize'): Promise<Reply> => {
    const cookie = browser.cookies(REDIRECT_URI);
    const reply = await get(path, { ...headers, ...(cookie !== undefined && { Cookie: cookie }) });
    for (const setCookie of reply.cookies) browser.keep(REDIRECT_URI, setCookie);
    return reply;
  };
  const count = () => (browser.cookies(REDIRECT_URI) ?? '').split('; ').filter((pair) => pair !== '').length;

  it('by another site is answered with a page, keeps no cookie, and goes on from there', async () => {
    const asked = system.seen.length;
    const page = await navigate(
      FOREIGN,
      `wgtwo/authorize?prompt=login&returnTo=${encodeURIComponent("/a?b=<script>'&c")}`,
    );
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject({ ...PAGE_HEADERS, 'referrer-policy': 'same-origin' });
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    expect(page.cookies).toEqual([]);
    expect(page.text).not.toMatch(/<script|<form|style=/);
    expect(system.seen).toHaveLength(asked);
    const href = (/href="([^"]*)"/.exec(page.text)?.[1] ?? '').replaceAll('&#39;', "'").replaceAll('&amp;', '&');
    const next = await navigate(OWN, `wgtwo/authorize${href}`);
    expect(next.status).toBe(302);
    expect(next.headers.location).toContain('prompt=login');
    const { search } = new URL(await browser.go(next.headers.location as string));
    const signIn = await navigate({}, `wgtwo/callback${search}`);
    expect(JSON.parse(signIn.text)).toMatchObject({ returnTo: "/a?b=<script>'&c" });
  });

  it('by an allowed site goes on at once', async () => {
    await app.close();
    await start({ startOrigins: ['https://www.partner.example'] });
    const partner = { ...FOREIGN, Referer: 'https://www.partner.example/offers' };
    expect((await navigate(partner)).status).toBe(302);
    expect((await navigate(FOREIGN)).status).toBe(200);
  });

  it('leaves five cookies at most, clears the oldest, and none of the last minute', async () => {
    const headers = { ...OWN };
    for (let turn = 0; turn < 5; turn += 1) expect((await navigate(headers)).status).toBe(302);
    const sixth = await navigate(headers);
    expect([sixth.status, count()]).toEqual([200, 5]);
    expect(sixth.text).toContain('Continue to sign in');
    clock.advance(MINUTE);
    for (let turn = 0; turn < 12; turn += 1) {
      expect((await navigate(headers)).status).toBe(302);
      expect(count()).toBe(5);
      clock.advance(15_000);
    }
  });

  it('of unproven origin displaces no sign-in that this site began', async () => {
    const own = await navigate(OWN);
    for (let turn = 0; turn < 16; turn += 1) expect((await navigate({})).status).toBe(302);
    expect(count()).toBeLessThanOrEqual(4);
    const { search } = new URL(await browser.go(own.headers.location as string));
    expect((await navigate({}, `wgtwo/callback${search}`)).status).toBe(200);
    expect(count()).toBeLessThanOrEqual(3);
  });

  it('of unproven origin that comes many times at once leaves three cookies at most', async () => {
    const replies = await Promise.all(Array.from({ length: 40 }, async () => get('wgtwo/authorize')));
    const names = replies.flatMap(({ cookies }) => cookies).map((cookie) => cookie.split('=')[0]);
    expect(new Set(names).size).toBeLessThanOrEqual(3);
    const longest = await navigate(OWN, `wgtwo/authorize?returnTo=/${'x'.repeat(255)}`);
    expect(longest.cookies[0]?.length).toBeLessThan(1_000);
  });

  it.each([
    ['a long returnTo', `/${'x'.repeat(256)}`],
    ['another origin', 'https://evil.example/'],
    ['two slashes', '//evil.example'],
  ])('is refused with %s, by whichever site', async (_name, returnTo) => {
    for (const headers of [OWN, FOREIGN, {}]) {
      const reply = await navigate(headers, `wgtwo/authorize?returnTo=${encodeURIComponent(returnTo)}`);
      expect([reply.status, JSON.parse(reply.text).errorCode, count()]).toEqual([400, 'invalid_request', 0]);
      expect(reply.headers['content-type']).toMatch(/^application\/json/);
    }
  });

  it('returns to the addresses of the list only', async () => {
    await app.close();
    await start({ returnTo: ['/lobby', 'https://play.example'] });
    const status = async (returnTo: string) =>
      (await navigate(OWN, `wgtwo/authorize?returnTo=${encodeURIComponent(returnTo)}`)).status;
    expect(await status('/lobby/1')).toBe(302);
    expect(await status('https://play.example/a')).toBe(302);
    expect(await status('/admin')).toBe(400);
    expect(await status('/lobby/../admin')).toBe(400);
  });

  it('that is refused by its list at boot names the option', async () => {
    await app.close();
    await expect(start({ returnTo: ['lobby'] })).rejects.toThrow(/returnTo must be/);
    await start();
  });

  it('comes back to an answer that no page can frame and no browser guesses at', async () => {
    const begun = await navigate(OWN);
    const { search } = new URL(await browser.go(begun.headers.location as string));
    const noCookie = await get(`wgtwo/callback${search}`);
    const answers = [noCookie, await navigate({}, `wgtwo/callback${search}`), await get('nobody/callback?state=x')];
    expect(answers.map(({ status }) => status)).toEqual([400, 200, 404]);
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ ...PAGE_HEADERS, 'referrer-policy': 'no-referrer' });
      expect(headers['content-type']).toMatch(/^application\/json/);
    }
  });

  it('of another browser or client is a security event when it comes back', async () => {
    const begun = await navigate(OWN);
    const { search } = new URL(await browser.go(begun.headers.location as string));
    const cookie = browser.cookies(REDIRECT_URI) as string;
    const callbacks: [string, string, Record<string, string>][] = [
      ['without a cookie', `wgtwo/callback${search}`, {}],
      ['at another client', `another/callback${search}`, { Cookie: cookie }],
      ['with a made-up state', `wgtwo/callback?code=x&state=${'A'.repeat(43)}`, { Cookie: cookie }],
      ['without a state', 'wgtwo/callback?code=x', { Cookie: cookie }],
      ['with a changed cookie', `wgtwo/callback${search}`, { Cookie: `${cookie.slice(0, -4)}AAAA` }],
    ];
    for (const [name, path, headers] of callbacks) {
      const before = events.of('foreign_callback').length;
      expect([name, (await get(path, headers)).status]).toEqual([name, 400]);
      expect([name, events.of('foreign_callback').length - before]).toEqual([name, 1]);
    }
    expect(events.of('foreign_callback').map(({ provider }) => provider)).toContain('another');
    expect(JSON.stringify(events.all)).not.toContain(new URLSearchParams(search).get('state'));
    const finished = events.of('foreign_callback').length;
    expect((await navigate({}, `wgtwo/callback${search}`)).status).toBe(200);
    clock.advance(11 * MINUTE);
    expect((await get(`wgtwo/callback${search}`, { Cookie: cookie })).status).toBe(400);
    expect(events.of('foreign_callback')).toHaveLength(finished);
  });
});
