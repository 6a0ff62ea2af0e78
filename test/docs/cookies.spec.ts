import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { INestApplication, Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { RunningDocument } from './run-document.js';

const guide = new RunningDocument('docs/cookies.md');
const OWN = 'https://game.example';
let emulator: NowggEmulator;
beforeAll(async () => {
  emulator = await startNowggEmulator({ players: [{ userId: 'player-1' }] });
  Object.assign(process.env, { NOWGG_BASE_URL: emulator.url, NOWGG_KEY: randomBytes(32).toString('base64') });
});
afterAll(async () => {
  for (const name of ['NOWGG_BASE_URL', 'NOWGG_KEY']) delete process.env[name];
  guide[Symbol.dispose]();
  await emulator.close();
});

describe.each(['express', 'fastify'])('the guide to a token in a cookie, on %s', (platform) => {
  let app: INestApplication;
  let address: string;
  let cookie: string;
  let set: string;
  const send = (path: string, headers: Record<string, string>, body?: object) =>
    fetch(address + path, {
      method: body ? 'POST' : 'GET',
      headers: { ...(body && { 'content-type': 'application/json' }), ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const signIn = (headers: Record<string, string>) =>
    send('/sign-in', headers, { code: emulator.issueCode({ userId: 'player-1' }) });

  beforeAll(async () => {
    const { AppModule } = await guide.load<{ AppModule: Type }>('app.module.ts');
    const module = await Test.createTestingModule({ imports: [AppModule] }).compile();
    app = module.createNestApplication(
      platform === 'express' ? new ExpressAdapter() : (new FastifyAdapter() as never),
      {
        logger: false,
      },
    );
    await app.listen(0, '127.0.0.1');
    address = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
    [set = ''] = (await signIn({ origin: OWN })).headers.getSetCookie();
    cookie = set.split(';')[0] ?? '';
  });
  afterAll(async () => app.close());

  it('signs in with a cookie that scripts and other sites cannot use', () => {
    expect(set).toMatch(/^__Host-game-token=\S+; Path=\/; Secure; HttpOnly; SameSite=Strict; Expires=/);
  });

  it.each([
    ['a page of the game', { origin: OWN }],
    ['a page of the game, in a browser that names its site', { 'sec-fetch-site': 'same-origin' }],
    ['a page of the game, with both', { origin: OWN, 'sec-fetch-site': 'same-origin' }],
  ])('admits %s', async (_, headers) => {
    const answer = await send('/profile', { cookie: `theme=dark; ${cookie}`, ...headers });
    expect(await answer.json()).toEqual({ userId: 'player-1' });
  });

  it.each([
    ['a page of another site', { origin: 'https://evil.example' }],
    ['a page of another site that sends no origin', { 'sec-fetch-site': 'cross-site' }],
    ['a subdomain', { origin: 'https://forum.game.example', 'sec-fetch-site': 'same-site' }],
    ['a sandboxed frame', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['a page that pretends the site', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
    ['an address that was typed', { 'sec-fetch-site': 'none' }],
    ['an old browser that says nothing', {}],
  ])('treats the request as one without a token: %s', async (_, headers: Record<string, string>) => {
    const answer = await send('/profile', { cookie, ...headers });
    expect([answer.status, await answer.json()]).toMatchObject([401, { errorCode: 'missing_token' }]);
    expect((await signIn(headers)).status).toBe(403);
  });

  it('refuses two different tokens', async () => {
    const { token } = emulator.issueTokens({ userId: 'player-1' });
    const answer = await send('/profile', { cookie, origin: OWN, authorization: `Bearer ${token}` });
    expect(answer.status).toBe(400);
  });
});
