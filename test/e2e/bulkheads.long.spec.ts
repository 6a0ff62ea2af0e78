import { get } from 'node:http';
import { type CanActivate, Injectable } from '@nestjs/common';
import { describe, expect, it, jest } from '@jest/globals';
import { memoryTokenStore, type NowggAuthOptions } from 'nestjs-nowgg-auth';
import { AppUnderTest, platforms } from '../support/game/app-under-test.js';
import { vaultKeys } from '../support/game/exchange-routes.js';
import {
  acceptAny,
  byPath,
  jws,
  refused,
  TOKEN,
  tokenClaims,
  tokensFor,
  USERINFO,
  VERIFY,
} from '../support/game/now-gg-messages.js';
import { gateOf } from '../support/gate.js';
import { after, json } from '../support/raw-http/raw-answers.js';
import type { RawAnswer } from '../support/raw-http/raw-peer.js';

// Each test boots an application and sends it hundreds of requests.
jest.setTimeout(120_000);

const guard = { asked: 0 };

@Injectable()
class CountingGuard implements CanActivate {
  canActivate(): boolean {
    guard.asked += 1;
    return true;
  }
}

describe.each(platforms)('under load of one kind on %s', (platform) => {
  it('asks for account information once for 700 calls of one player, and answers few of them, behind the guards', async () => {
    await using app = await start();
    guard.asked = 0;
    const gate = gateOf();
    const token = app.token({ userId: 'ada' });
    const info = json(200, { success: true, code: 'USERDATA', userData: { userId: 'ada' } });
    app.peer.alwaysAnswer(byPath({ [VERIFY]: acceptAny, [USERINFO]: after(gate.opened, info) }));
    const calls = Array.from({ length: 700 }, async () => app.fetch('/auth/userinfo', token));
    await app.peer.untilRequests(2);
    // A newcomer is not kept waiting by any of them.
    expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    while (guard.asked < 700) await turn();
    gate.open();
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(32);
    expect(new Set(statuses)).toEqual(new Set([200, 503]));
    expect(app.peer.requestsTo(USERINFO)).toHaveLength(1);
  });

  it('lets newcomers and refreshes pass while 300 made-up codes wait for the token endpoint', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(takesCodes(app));
    const { session, generation } = (await app.postJson('/auth/login', { code: 'a-real-code' })).json();
    const gate = gateOf();
    const slowCodes: RawAnswer = (exchange) =>
      exchange.request.body.includes('"grant_type":"code"')
        ? after(gate.opened, json(200, refused()))(exchange)
        : takesToken(app)(exchange);
    app.peer.alwaysAnswer(byPath({ [VERIFY]: acceptAny, [TOKEN]: slowCodes }));
    const made = Array.from({ length: 300 }, async (_, n) => app.postJson('/auth/login', { code: `made-up-${n}` }));
    await app.peer.untilRequests(20);
    for (let n = 0; n < 20; n += 1) expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    expect((await app.postJson('/auth/refresh', { session, generation })).status).toBe(200);
    gate.open();
    const statuses = new Set((await Promise.all(made)).map(({ status }) => status));
    expect([...statuses].every((status) => [400, 503].includes(status))).toBe(true);
    // Two for the player, the others are what the bound lets through.
    expect(app.peer.requestsTo(TOKEN).length).toBeLessThanOrEqual(64 + 2);
  });

  it('refreshes once for a session that asks in a loop', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(takesCodes(app));
    const login = (await app.postJson('/auth/login', { code: 'a-real-code' })).json();
    let generation = login.generation;
    for (let n = 0; n < 100; n += 1) {
      const reply = await app.postJson('/auth/refresh', { session: login.session, generation });
      expect(reply.status).toBe(200);
      ({ generation } = reply.json());
    }
    expect(app.peer.requestsTo(TOKEN)).toHaveLength(2);
    app.clock.advance(10_000);
    await app.postJson('/auth/refresh', { session: login.session, generation });
    expect(app.peer.requestsTo(TOKEN)).toHaveLength(3);
  });

  it('gives one player with 300 connections a few questions at a time, and no caller a 503', async () => {
    await using app = await start();
    const gate = gateOf();
    const token = app.token({ userId: 'ada' });
    app.peer.thenAnswer(acceptAny).alwaysAnswer(after(gate.opened, acceptAny));
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    const greedy = Array.from({ length: 300 }, async () => app.fetch('/fresh', token));
    await app.peer.untilRequests(5);
    app.peer.thenAnswer(...Array<RawAnswer>(20).fill(acceptAny));
    for (let n = 0; n < 20; n += 1) expect((await app.fetch('/guarded', app.token())).status).toBe(200);
    gate.open();
    expect(new Set((await Promise.all(greedy)).map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('serves 300 newcomers who come at once', async () => {
    await using app = await start();
    app.peer.alwaysAnswer(acceptAny);
    const answers = Array.from({ length: 300 }, async () => app.fetch('/guarded', app.token()));
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([200]));
  });

  it('counts calls of every kind, lets newcomers wait, and asks nothing for clients that have gone', async () => {
    const seen = { misses: 0 };
    const countMiss = () => {
      seen.misses += 1;
      return undefined;
    };
    await using app = await start({ verification: { rate: { perSecond: 1, burst: 2 }, sourceOf: countMiss } });
    const info = json(200, { success: true, code: 'USERDATA', userData: { userId: 'ada' } });
    app.peer.alwaysAnswer(byPath({ [VERIFY]: acceptAny, [USERINFO]: info }));
    const token = app.token({ userId: 'ada' });
    expect((await app.fetch('/guarded', token)).status).toBe(200);
    const waiting = Array.from({ length: 20 }, () => abandonable(app, app.token()));
    while (seen.misses < 21) await turn();
    await Promise.all(waiting.map(async (abandon) => abandon()));
    while ((await connectionsOf(app)) > 0) await turn();
    const stays = app.fetch('/guarded', app.token());
    while (seen.misses < 22) await turn();
    const account = app.fetch('/auth/userinfo', token);
    expect(app.peer.requests).toHaveLength(1);
    app.clock.advance(1_000);
    expect((await stays).status).toBe(200);
    expect(app.peer.requests).toHaveLength(2);
    app.clock.advance(1_000);
    expect((await account).status).toBe(200);
    expect(app.peer.requests).toHaveLength(3);
  });

  it('limits by a budget that answers later, and tells it the source', async () => {
    const sources: (string | undefined)[] = [];
    await using app = await start({
      verification: {
        sourceOf: (request: { headers: Record<string, string> }) => request.headers['x-device'],
        budget: async ({ source }) => sources.push(source) > 0 && source !== 'stranger',
      },
    });
    app.peer.alwaysAnswer(acceptAny);
    const from = async (device: string) =>
      app.send({
        path: '/guarded',
        headers: [
          ['Authorization', `Bearer ${app.token()}`],
          ['X-Device', device],
        ],
      });
    expect((await from('stranger')).status).toBe(503);
    expect((await from('console')).status).toBe(200);
    expect(sources).toEqual(['stranger', 'console']);
    expect(app.peer.requests).toHaveLength(1);
  });

  /** Nothing here depends on a deadline, so a busy machine must not reach one. */
  async function start(options: NowggAuthOptions = {}) {
    return AppUnderTest.start(platform, {
      wiring: { tokenStore: memoryTokenStore(), routes: { path: 'auth', guards: [CountingGuard] } },
      options: {
        tokens: { encryptionKeys: vaultKeys() },
        ...options,
        verification: { timeoutMs: 60_000, ...options.verification },
      },
    });
  }
});

function takesToken(app: AppUnderTest): RawAnswer {
  return (exchange) =>
    json(200, tokensFor(jws(tokenClaims({ userId: 'ada' }), 'signature'), app.planted.plant('refresh')))(exchange);
}

function takesCodes(app: AppUnderTest): RawAnswer {
  return byPath({ [VERIFY]: acceptAny, [TOKEN]: takesToken(app) });
}

/** Sends a request. @returns a function that closes its connection before the answer */
function abandonable(app: AppUnderTest, token: string): () => Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  const request = get({ host: '127.0.0.1', port: app.port, path: '/guarded', headers, agent: false });
  const failed = new Promise<void>((resolve) => request.on('error', () => resolve()));
  return async () => {
    request.destroy(new Error('given up'));
    await failed;
  };
}

async function connectionsOf(app: AppUnderTest): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

async function turn(): Promise<void> {
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
}
