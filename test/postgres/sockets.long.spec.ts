import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { IoClient, type Kind, type TestClient, WsClient } from '../e2e/websockets/support.js';
import { EMULATED_CLIENT } from '../support/game/game-with-routes.js';
import type {
  SocketProcessOrder,
  SocketProcessReady,
  SocketProcessStart,
} from '../support/processes/children/socket-process.js';
import { HeapSnapshot } from '../support/seeded-secrets/heap-snapshot.js';
import { SourceProcess } from '../support/processes/source-process.js';
import { type PostgresCluster, startPostgresCluster } from '../support/servers/postgres-cluster.js';

/** `NOWGG_COMEBACKS=10000 npm test -- --long test/postgres/sockets test/e2e/bans` is the campaign. */
const RECONNECTS = Number(process.env.NOWGG_COMEBACKS ?? 50);
const AT_ONCE = 50;

describe.each<Kind>(['socket.io', 'ws'])('Sockets of a process, on %s', (kind) => {
  let cluster: PostgresCluster;
  let emulator: NowggEmulator;

  beforeAll(async () => {
    cluster = await startPostgresCluster();
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
  });
  afterAll(async () => {
    await emulator.close();
    await cluster.stop();
  });

  /** A client that needs not be let in. */
  function client(url: string, token: string): TestClient {
    if (kind === 'socket.io') {
      const options = { path: '/lobby', transports: ['websocket'], reconnection: false, forceNew: true };
      return new IoClient(io(url, { ...options, auth: { token } }));
    }
    const protocols = ['nowgg.v1', `bearer.${token}`];
    const socket = new WebSocket(`${url.replace('http', 'ws')}/lobby`, protocols, { origin: 'http://game.test' });
    socket.on('error', () => undefined);
    return new WsClient(socket);
  }

  async function start(databaseUrl: string): Promise<{ readonly game: SourceProcess; readonly url: string }> {
    const game = new SourceProcess('test/support/processes/children/socket-process.ts');
    const options = { ...EMULATED_CLIENT, baseUrl: emulator.url };
    const { url } = await game.ask<SocketProcessReady>({ databaseUrl, kind, options } satisfies SocketProcessStart);
    return { game, url: url.replace('[::1]', '127.0.0.1') };
  }

  it('leave no token in its heap while they are idle', async () => {
    const { game, url } = await start(await cluster.createDatabase());
    await using _game = game;
    const file = path.join(tmpdir(), `idle-sockets-${process.pid}-${kind}.heapsnapshot`);
    const tokens = Array.from({ length: 20 }, () => emulator.issueTokens().token);
    const clients = tokens.map((token) => client(url, token));
    await Promise.all(clients.map((each) => each.opened()));
    try {
      await game.ask({ snapshot: file } satisfies SocketProcessOrder);
      const heap = new HeapSnapshot(file);
      // Each ends in its own signature.
      const signatures = tokens.map((token) => token.slice(token.lastIndexOf('.') + 1));
      expect(heap.stringsWith('LobbyGateway')).not.toEqual([]);
      expect(heap.retainersOf(signatures)).toEqual([]);
      expect(heap.stringsWith(...signatures)).toEqual([]);
      expect(await game.ask({})).toEqual({ connections: tokens.length });
    } finally {
      rmSync(file, { force: true });
    }
  });

  it(
    'end at a ban in another process, and none of the player is let in again',
    async () => {
      const databaseUrl = await cluster.createDatabase();
      // One after the other: the first one creates the tables.
      const banning = await start(databaseUrl);
      await using _banning = banning.game;
      const other = await start(databaseUrl);
      await using _other = other.game;
      const { userId } = emulator.addPlayer();
      const { token } = emulator.issueTokens({ userId });
      const banned = [client(other.url, token), client(other.url, token), client(banning.url, token)];
      const kept = client(other.url, emulator.issueTokens().token);
      await Promise.all([...banned, kept].map((each) => each.opened()));
      await banning.game.ask({ ban: userId } satisfies SocketProcessOrder);
      for (const each of banned) expect(await each.ended()).toMatchObject({ errorCode: 'user_banned' });
      const before = await other.game.ask<{ connections: number }>({});
      const comeBack = async (at: number): Promise<string | undefined> => {
        const again = client(other.url, at % 2 === 0 ? token : emulator.issueTokens({ userId }).token);
        if (kind === 'ws') return (await again.ended()).errorCode;
        return again.opened().then(
          () => 'admitted',
          ({ data }: { data?: { errorCode?: string } }) => data?.errorCode,
        );
      };
      for (let tried = 0; tried < RECONNECTS; tried += AT_ONCE) {
        const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, async (_, at) => comeBack(at)));
        expect(new Set(outcomes)).toEqual(new Set(['user_banned']));
      }
      expect(await other.game.ask({})).toEqual(before);
      expect(await kept.ask('who')).toMatchObject({ player: expect.any(String) });
    },
    60_000 + RECONNECTS * 50,
  );
});
