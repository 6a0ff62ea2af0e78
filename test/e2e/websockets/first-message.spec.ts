import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  ConnectedSocket,
  type OnGatewayConnection,
  SubscribeMessage,
  WebSocketGateway,
  WebSocketServer,
} from '@nestjs/websockets';
import { NowggRevocationService, NowggUser, OptionalAuth } from 'nestjs-nowgg-auth';
import { nowggSocketUser } from 'nestjs-nowgg-auth/websockets';
import type { WebSocket } from 'ws';
import { until } from '../../client/support/facts.js';
import { SocketApp, type SocketAppOptions, WsClient } from './support.js';

jest.setTimeout(60_000);

type Frame = string | Buffer;

/** What the two gateways of one path saw: `gateway:what:user`. */
const seen: string[] = [];

@WebSocketGateway({ path: '/arena' })
class ArenaGateway implements OnGatewayConnection<WebSocket> {
  @WebSocketServer()
  readonly server!: { readonly clients: Set<WebSocket> };

  handleConnection(client: WebSocket) {
    seen.push(`arena:connected:${nowggSocketUser(client)?.userId}`);
  }

  @SubscribeMessage('move')
  move(@NowggUser('userId') userId: string, @ConnectedSocket() _client: object) {
    seen.push(`arena:move:${userId}`);
    return { event: 'move', data: userId };
  }
}

@WebSocketGateway({ path: '/arena' })
class WatchGateway implements OnGatewayConnection<WebSocket> {
  handleConnection(client: WebSocket) {
    seen.push(`watch:connected:${nowggSocketUser(client)?.userId}`);
  }

  @SubscribeMessage('watch')
  watch(@NowggUser('userId') userId: string) {
    seen.push(`watch:watch:${userId}`);
    return { event: 'watch', data: userId };
  }
}

@WebSocketGateway({ path: '/stands' })
@OptionalAuth()
class StandsGateway implements OnGatewayConnection<WebSocket> {
  handleConnection(client: WebSocket) {
    seen.push(`stands:connected:${nowggSocketUser(client)?.userId}`);
  }
}

const OPTIONS: SocketAppOptions = {
  gateways: [ArenaGateway, WatchGateway, StandsGateway],
  websockets: { firstMessage: true, maxPendingHandshakes: 200 },
};

let site: SocketApp;
beforeAll(async () => {
  site = await SocketApp.start('ws', OPTIONS);
});
afterEach(() => {
  site.emulator.clearFaults();
  for (const client of site.clients.splice(0)) client.close();
  seen.length = 0;
});
afterAll(async () => site[Symbol.asyncDispose]());

const message = (event: string, data: unknown = {}) => JSON.stringify({ event, data });
const auth = (token: unknown) => message('nowgg:auth', { token });
const player = () => {
  const { userId } = site.emulator.addPlayer();
  return { userId, token: site.token(userId) };
};

/** A client that is accepted without a token; sends these frames at once. */
async function enter(...frames: Frame[]): Promise<WsClient & { readonly heard: { event: string; data: unknown }[] }> {
  const client = new WsClient(site.ws('/arena', [], { origin: 'http://game.test' }));
  const heard: { event: string; data: unknown }[] = [];
  client.socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString())));
  await client.opened();
  for (const frame of frames) client.socket.send(frame);
  return Object.assign(client, { heard });
}

describe('The first message of a client of ws', () => {
  it('lets each of 100 interleaved clients connect once to each of two gateways, and delivers what it sent', async () => {
    // Half of them bring their token in the handshake.
    const players = Array.from({ length: 100 }, player);
    const all = await Promise.all(
      players.map(async ({ token, userId }, at) => {
        if (at % 2 === 0) return { userId, client: await enter(auth(token), message('move'), message('watch')) };
        const socket = site.ws('/arena', ['nowgg.v1', `bearer.${token}`]);
        await once(socket, 'open');
        socket.send(message('move'));
        socket.send(message('watch'));
        return { userId };
      }),
    );
    await until(() => seen.length >= 400);
    const expected = players.flatMap(({ userId }) => [
      `arena:connected:${userId}`,
      `watch:connected:${userId}`,
      `arena:move:${userId}`,
      `watch:watch:${userId}`,
    ]);
    expect(seen.toSorted()).toEqual(expected.toSorted());
    for (const { userId, client } of all) {
      if (!client) continue;
      await until(() => client.heard.length === 3);
      expect(client.heard).toEqual([
        { event: 'nowgg:auth', data: { ok: true, expiresAt: expect.any(Number) } },
        { event: 'move', data: userId },
        { event: 'watch', data: userId },
      ]);
    }
  });

  it.each<readonly [string, () => Frame, string]>([
    ['binary', () => Buffer.from(auth(player().token)), 'invalid_request'],
    ['too large', () => auth('x'.repeat(16_384)), 'invalid_request'],
    ['no JSON', () => 'move', 'missing_token'],
    ['null', () => 'null', 'missing_token'],
    ['an array', () => `["nowgg:auth",{"token":"${player().token}"}]`, 'missing_token'],
    ['another message', () => message('move', { token: player().token }), 'missing_token'],
    ['one with inherited keys', () => `{"__proto__":${auth(player().token)}}`, 'missing_token'],
    [
      'one with an inherited token',
      () => `{"event":"nowgg:auth","data":{"__proto__":${JSON.stringify(player())}}}`,
      'malformed_token',
    ],
    ['without a token', () => message('nowgg:auth'), 'malformed_token'],
    ['with an object as token', () => auth({ toString: 'x' }), 'malformed_token'],
    ['with an empty token', () => auth(''), 'malformed_token'],
    ['with a token that is not one', () => auth(`${player().token}x`), 'invalid_token'],
  ])('ends a client when it is %s, and nothing of it reaches a gateway', async (_, frame, errorCode) => {
    const client = await enter(frame(), message('move'), auth(player().token));
    expect(await client.ended()).toEqual({ code: 4401, errorCode });
    expect([seen, client.heard]).toEqual([[], []]);
  });

  it('tells a banned player the reason', async () => {
    const { userId, token } = player();
    const revocations = site.app.get(NowggRevocationService, { strict: false });
    await revocations.revoke(
      { userId },
      { until: new Date(Date.now() + 3_600_000), reason: { code: 'cheating', text: 'Cheating' } },
    );
    const client = await enter(auth(token));
    expect(await client.ended()).toMatchObject({ code: 4401, errorCode: 'user_banned', text: 'Cheating' });
    expect(seen).toEqual([]);
  });

  it('is awaited by a client whom no other code knows: a message to all does not reach it', async () => {
    const { server } = site.app.get(ArenaGateway);
    const [waiting, admitted] = [await enter(), await enter(auth(player().token))];
    await until(() => seen.length === 2);
    expect(server.clients.size).toBe(1);
    for (const client of server.clients) client.send(message('news'));
    await until(() => admitted.heard.length === 2);
    waiting.socket.send(auth(player().token));
    await until(() => seen.length === 4);
    await until(() => waiting.heard.length > 0);
    expect(server.clients.size).toBe(2);
    expect(waiting.heard.map(({ event }) => event)).toEqual(['nowgg:auth']);
    waiting.socket.close();
    await until(() => server.clients.size === 1);
  });

  it.each([
    ['one message that never ends', { fin: false }],
    ['many messages', { fin: true }],
  ])('may be followed by 16 KiB before the verdict, and not by more: %s', async (_, options) => {
    site.emulator.setFault({ endpoint: 'verify-token', kind: 'hold' });
    const before = site.emulator.requestCount({ endpoint: 'verify-token' });
    const client = await enter(auth(player().token));
    await until(() => site.emulator.requestCount({ endpoint: 'verify-token' }) > before);
    for (let at = 0; at < 17; at += 1) client.socket.send('x'.repeat(1_000), options);
    expect(await client.ended()).toEqual({ code: 4401, errorCode: 'invalid_request' });
    site.emulator.clearFaults();
    // A verdict later than that about the closed client.
    await enter(auth(player().token));
    await until(() => seen.length === 2);
  });

  it('limits only what comes before the verdict', async () => {
    const { userId, token } = player();
    const client = await enter(auth(token));
    await until(() => client.heard.length === 1);
    expect(await client.ask('move', 'x'.repeat(100_000))).toBe(userId);
  });

  it('is awaited for five seconds, from as many clients as may wait, who keep no client with a token out', async () => {
    const silent = await Promise.all(Array.from({ length: 200 }, async () => enter()));
    const refused = site.ws('/arena', ['nowgg.v1'], { origin: 'http://game.test' });
    expect(await new WsClient(refused).ended()).toEqual({ code: 1013, errorCode: 'identity_unavailable' });
    const { token } = player();
    await once(site.ws('/arena', ['nowgg.v1', `bearer.${token}`]), 'open');
    site.clock.advance(5_001);
    const ends = await Promise.all(silent.map(async (client) => client.ended()));
    expect(ends).toEqual(silent.map(() => ({ code: 4401, errorCode: 'missing_token' })));
    await enter(auth(token));
    await until(() => seen.length === 4);
  });

  it('is not awaited where a token is optional', async () => {
    await once(site.ws('/stands'), 'open');
    await until(() => seen.length > 0);
    expect(seen).toEqual(['stands:connected:undefined']);
  });

  it('is awaited no longer when the application shuts down', async () => {
    const other = await SocketApp.start('ws', { ...OPTIONS, emulator: site.emulator });
    const waiting = new WsClient(other.ws('/arena'));
    await waiting.opened();
    const ended = waiting.ended();
    await other.app.close();
    expect(await ended).toEqual({ code: 1001, errorCode: '' });
  });
});
