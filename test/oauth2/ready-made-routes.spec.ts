import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { memoryTokenStore, NowggAuthModule } from 'nestjs-nowgg-auth';
import { NowggOAuth2Module, wgtwo } from 'nestjs-nowgg-auth/oauth2';
import { Browser } from './support/browser.js';
import { CLIENT_ID, CLIENT_SECRET, IdentitySystem, REDIRECT_URI } from './support/identity-system.js';
import { wgtwoShape } from './support/shapes.js';
import { KEY } from './support/web-game.js';
import { Turnstile } from '../support/game/turnstile.js';

jest.setTimeout(60_000);

@Module({})
class GameModule {}

describe.each(['express', 'fastify'] as const)('the ready-made routes for browsers on %s', (platform) => {
  let system: IdentitySystem;
  let close: () => Promise<void>;
  let base: string;

  beforeEach(async () => {
    system = await IdentitySystem.start(wgtwoShape);
    const auth = NowggAuthModule.forRoot({
      identityProviders: [
        wgtwo({ baseUrl: system.url, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET, redirectUri: REDIRECT_URI }),
      ],
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys: [KEY] },
      strategyName: false,
      globalGuard: true,
    });
    const app = await NestFactory.create(
      { module: GameModule, imports: [auth, NowggOAuth2Module.forRoot({ routes: { guards: [Turnstile] } })] },
      platform === 'express' ? new ExpressAdapter() : new FastifyAdapter(),
      { logger: false, abortOnError: false },
    );
    await app.listen(0, '127.0.0.1');
    base = await app.getUrl();
    close = async () => app.close();
  });
  afterEach(async () => {
    Turnstile.isClosed = false;
    await close();
    await system[Symbol.asyncDispose]();
  });

  it('send the browser out, take it back, and answer as a login does', async () => {
    const out = await fetch(`${base}/auth/wgtwo/authorize?returnTo=/lobby`, { redirect: 'manual' });
    expect([out.status, out.headers.get('cache-control')]).toEqual([302, 'no-store']);
    const browser = new Browser();
    for (const cookie of out.headers.getSetCookie()) browser.keep(REDIRECT_URI, cookie);
    const callback = new URL(await browser.go(out.headers.get('location') as string));
    const headers = { cookie: browser.cookies(REDIRECT_URI) as string };
    const back = await fetch(`${base}/auth/wgtwo/callback${callback.search}`, { headers });
    expect(back.status).toBe(200);
    expect(back.headers.get('cache-control')).toBe('no-store');
    expect(back.headers.getSetCookie()).toEqual([expect.stringContaining('Max-Age=0')]);
    expect(await back.json()).toEqual({
      token: expect.any(String),
      tokenExpiresAt: expect.any(String),
      generation: 1,
      session: expect.any(String),
      user: expect.objectContaining({ provider: 'wgtwo', userId: `pairwise-${CLIENT_ID}-player-1` }),
      returnTo: '/lobby',
    });
    const again = await fetch(`${base}/auth/wgtwo/callback${callback.search}`, { headers });
    expect([again.status, again.headers.get('cache-control')]).toEqual([400, 'no-store']);
    expect(await again.json()).toEqual({
      statusCode: 400,
      errorCode: 'invalid_request',
      message: expect.not.stringContaining(callback.searchParams.get('state') as string),
    });
  });

  it('stand behind the guards that they were given', async () => {
    Turnstile.isClosed = true;
    const asked = system.seen.length;
    for (const path of ['wgtwo/authorize', 'wgtwo/callback?state=x&code=y']) {
      const { status } = await fetch(`${base}/auth/${path}`, { redirect: 'manual' });
      expect([path, status]).toEqual([path, 429]);
    }
    expect(system.seen).toHaveLength(asked);
  });

  it('ask for the prompt that the address names, and for none that is not one', async () => {
    const start = async (query: string) => fetch(`${base}/auth/wgtwo/authorize?${query}`, { redirect: 'manual' });
    const out = await start('returnTo=/lobby&prompt=login+consent');
    expect(new URL(out.headers.get('location') as string).searchParams.get('prompt')).toBe('login consent');
    for (const prompt of ['none+login', '', 'a%0d%0ab', 'login&prompt=none', 'login%26state%3Dx', 'LOGIN']) {
      const reply = await start(`prompt=${prompt}`);
      expect([prompt, reply.status, reply.headers.getSetCookie()]).toEqual([prompt, 400, []]);
      expect(await reply.json()).toMatchObject({ errorCode: 'invalid_request', message: 'prompt is not valid' });
    }
    expect(system.seen).toEqual([]);
  });

  it('answer 400 to an address elsewhere, twice a parameter and another provider', async () => {
    const status = async (path: string) => (await fetch(`${base}/auth/${path}`, { redirect: 'manual' })).status;
    expect(await status('wgtwo/authorize?returnTo=//evil.example')).toBe(400);
    expect(await status('wgtwo/authorize?returnTo=/a&returnTo=/b')).toBe(400);
    expect(await status('nobody/authorize')).toBe(404);
    expect(await status('nobody/callback?state=x')).toBe(404);
    expect(await status('__proto__/callback?state=x')).toBe(404);
  });
});
