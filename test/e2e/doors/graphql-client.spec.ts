import { afterEach, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { createClient } from 'graphql-ws';
import { memoryTokenStore } from 'nestjs-nowgg-auth';
import { configure } from 'nowgg-auth-client';
import { socketAuth } from 'nowgg-auth-client/sockets';
import { WebSocket } from 'ws';
import { strongKey } from '../../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { DoorPlayers } from './door-players.js';

// Jest cannot load this part of Mercurius before Node 24.9. It serves a page for developers, which is off here.
jest.mock('@fastify/static', () => () => undefined);
const { drivers, leaderboard, startGraphqlGame } = await import('./graphql-game.js');

let app: INestApplication;
let players: DoorPlayers;

afterEach(async () => {
  await app.close();
  await players[Symbol.asyncDispose]();
});

it.each(drivers)(
  'socketAuth() keeps a subscription of %s alive beyond the life of its token',
  async (driver) => {
    players = await DoorPlayers.start();
    app = await startGraphqlGame(driver, players, {
      module: {
        tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] },
        tokenStore: memoryTokenStore(),
        routes: true,
      },
    });
    const session = configure({
      baseUrl: await app.getUrl(),
      clock: {
        now: () => players.clock.now(),
        after: (ms, callback) => {
          const timer = setTimeout(callback, ms);
          return () => clearTimeout(timer);
        },
      },
    });
    await session.login(players.code());
    const first = session.accessToken;
    const closed: unknown[] = [];
    const client = createClient({
      url: (await app.getUrl()).replace('http', 'ws') + '/graphql',
      webSocketImpl: WebSocket,
      ...socketAuth(session),
      retryWait: async () => undefined,
      on: { closed: (event) => closed.push((event as { code: number }).code) },
    });
    const publishing = setInterval(() => leaderboard.emit('change', 7), 5);
    try {
      let events = 0;
      for await (const event of client.iterate({ query: 'subscription { changed }' })) {
        expect(event).toEqual({ data: { changed: 7 } });
        events += 1;
        if (events === 1) players.advance(700_000);
        if (closed.length > 0) break;
      }
      expect(closed[0]).toBe(4403);
      expect(session.accessToken).not.toBe(first);
    } finally {
      clearInterval(publishing);
      await client.dispose();
      session.close();
    }
  },
  60_000,
);

it('socketAuth() sends nothing without a session, and the server names the reason', async () => {
  players = await DoorPlayers.start();
  app = await startGraphqlGame('apollo', players);
  const session = configure({ baseUrl: await app.getUrl() });
  const client = createClient({
    url: (await app.getUrl()).replace('http', 'ws') + '/graphql',
    webSocketImpl: WebSocket,
    ...socketAuth(session),
  });
  await expect(client.iterate({ query: '{ open }' }).next()).rejects.toMatchObject({
    code: 4401,
    reason: 'missing_token',
  });
  session.close();
}, 60_000);
