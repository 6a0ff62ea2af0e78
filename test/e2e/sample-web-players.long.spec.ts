import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { EmbeddedServices } from '../../apps/sample/src/embedded/embedded-services.js';
import { type RunningSample, startSample, startSampleServices } from '../support/sample/sample-app.js';
import { comeBack, CookieBrowser, signInAtWeb } from '../support/sample/sample-web-player.js';

let services: EmbeddedServices;

beforeAll(async () => {
  services = await startSampleServices();
}, 180_000);
afterAll(() => services?.close());

describe.each(['express', 'fastify'] as const)('web players of the sample on %s', (platform) => {
  let sample: RunningSample;

  beforeAll(async () => {
    sample = await startSample(services, platform);
  }, 60_000);
  afterAll(() => sample?.close());

  it('sign in at the OpenID provider, and the same guarded routes know them', async () => {
    const { status, body, headers } = await signInAtWeb(sample, 'Kim Weber');
    expect(status).toBe(200);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({ generation: 1, user: { provider: 'web', name: 'Kim Weber' } });
    const { token } = body;
    expect((await sample.call('GET', '/auth/me', { token })).body).toMatchObject({ provider: 'web' });
    const me = await sample.call('GET', '/me', { token });
    expect(me.body).toMatchObject({ provider: 'web', userId: body.user.userId, displayName: 'Kim Weber', coins: 500 });
    const purchase = { purchaseId: crypto.randomUUID(), item: 'xp-boost' };
    expect((await sample.call('POST', '/shop/purchases', { token, body: purchase })).body.coinsLeft).toBe(380);
    await sample.app.get(DataSource).query(`UPDATE players SET coins = 500 WHERE provider = 'web'`);
  });

  it('are not asked for at now.gg, and what only now.gg knows is not for them', async () => {
    const asked = sample.emulator.requestCount();
    const { body } = await signInAtWeb(sample, 'Kim Weber');
    const answer = await sample.call('GET', '/me/session', { token: body.token });
    expect([answer.status, answer.body.errorCode]).toEqual([403, 'wrong_provider']);
    expect((await sample.call('GET', '/me', { token: body.token })).status).toBe(200);
    expect(sample.emulator.requestCount()).toBe(asked);
  });

  it('are players of their own, also under the user id of a now.gg player', async () => {
    const web = (await signInAtWeb(sample, 'Twin')).body;
    const { userId } = web.user;
    const nowgg = await sample.signIn({ userId: `${userId}`, name: 'Twin' }).catch(async () => {
      const { body } = await sample.login(sample.emulator.issueCode({ userId }));
      return { ...body, user: (await sample.call('GET', '/me', { token: body.token })).body };
    });
    const mine = (await sample.call('GET', '/me', { token: web.token })).body;
    expect(nowgg.user).toMatchObject({ provider: 'nowgg', userId });
    expect(mine).toMatchObject({ provider: 'web', userId });
    expect(mine.id).not.toBe(nowgg.user.id);
  });

  it('come again as who they were', async () => {
    const ids = [];
    for (const name of ['Noa', 'noa ', 'Ada']) {
      const { token } = (await signInAtWeb(sample, name)).body;
      ids.push((await sample.call('GET', '/me', { token })).body.id);
    }
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
  });

  it('refresh through the same vault, with a refresh token that rotates and never leaves it', async () => {
    const { text, body } = await signInAtWeb(sample, 'Ada Li');
    expect(text).not.toMatch(/refresh/i);
    let { generation, token } = body;
    for (let times = 0; times < 3; times += 1) {
      const answer = await sample.call('POST', '/auth/refresh', { body: { session: body.session, generation } });
      expect(answer.body.generation).toBe(generation + 1);
      expect(answer.body.token).not.toBe(token);
      ({ generation, token } = answer.body);
    }
    expect((await sample.call('GET', '/me', { token })).body).toMatchObject({ displayName: 'Ada Li' });
  });

  it('sign out for good', async () => {
    const { token, session } = (await signInAtWeb(sample, 'Leaver')).body;
    expect((await sample.call('POST', '/auth/logout', { body: { session } })).status).toBe(204);
    expect((await sample.call('GET', '/me', { token })).body.errorCode).toBe('revoked_token');
    const refresh = await sample.call('POST', '/auth/refresh', { body: { session } });
    expect(refresh.body.errorCode).toBe('reauthentication_required');
  });

  it('finish a sign-in in the browser that began it, and once', async () => {
    const browser = new CookieBrowser();
    const { search } = new URL(await comeBack(sample, { name: 'Once' }, browser));
    const finish = (cookie: string) => sample.call('GET', `/auth/web/callback${search}`, { cookie });
    const { cookies } = browser;
    expect((await finish('')).body.errorCode).toBe('invalid_request');
    expect((await finish(cookies)).status).toBe(200);
    expect((await finish(cookies)).body.errorCode).toBe('invalid_request');
  });

  it('may change their mind', async () => {
    const browser = new CookieBrowser();
    const { search, pathname } = new URL(await comeBack(sample, { action: 'cancel', name: '' }, browser));
    expect(pathname).toBe('/sign-in/web');
    const answer = await sample.call('GET', `/auth/web/callback${search}`, { cookie: browser.cookies });
    expect([answer.status, answer.body.errorCode]).toEqual([400, 'invalid_grant']);
  });
});

describe('the embedded provider', () => {
  it('serves this machine only, and shows its form to the browser that began', async () => {
    const issuer = `${services.config.web?.issuer}`;
    const stranger = await fetch(`${issuer}/sign-in/made-up`);
    expect([stranger.status, await stranger.text()]).toEqual([400, expect.stringContaining('begin again')]);
    const rebound = new URL(issuer);
    const { request } = await import('node:http');
    const status = await new Promise((resolve) => {
      const headers = { host: 'evil.example' };
      request({ host: rebound.hostname, port: rebound.port, path: '/jwks', headers }, ({ statusCode }) =>
        resolve(statusCode),
      ).end();
    });
    expect(status).toBe(421);
  });

  it('lets no name of its form into a page', async () => {
    const sample = await startSample(services, 'express');
    const browser = new CookieBrowser();
    const form = await browser.go(`${sample.url}/auth/web/authorize`);
    expect(form.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    const refused = await browser.go(form.address, { form: { name: '\u0000 ' } });
    expect(refused.status).toBe(400);
    await sample.close();
  });
});
