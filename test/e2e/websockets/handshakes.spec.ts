import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import type { INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { NowggAuth, NowggRevocationService, OptionalAuth } from 'nestjs-nowgg-auth';
import { nowggSocketUser, nowggWebSockets } from 'nestjs-nowgg-auth/websockets';
import { WebSocket } from 'ws';
import {
  IoClient,
  type Kind,
  LobbyGateway,
  NewsGateway,
  SocketApp,
  type SocketAppOptions,
  WsClient,
} from './support.js';

jest.setTimeout(60_000);

let site: SocketApp;

afterEach(async () => {
  await site[Symbol.asyncDispose]();
});

async function start(kind: Kind, options?: SocketAppOptions): Promise<SocketApp> {
  site = await SocketApp.start(kind, options);
  return site;
}

const BROWSER = { origin: 'http://game.test' };

describe('A handshake of ws', () => {
  /** The HTTP answer to a refused upgrade. */
  async function answerTo(client: WebSocket): Promise<{ status: number; headers: IncomingMessage['headers'] }> {
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
    response.resume();
    return { status: response.statusCode ?? 0, headers: response.headers };
  }
  const closeOf = async (client: WebSocket) => new WsClient(client).ended();
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it('is answered by HTTP where the client sees it: 401 with a challenge, and nothing reaches Nest', async () => {
    const { seen } = await start('ws');
    expect(await answerTo(site.ws('/lobby'))).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="nowgg"', 'cache-control': 'no-store' },
    });
    expect(await answerTo(site.ws('/lobby', [], bearer('no.such.token')))).toMatchObject({ status: 401 });
    expect(await answerTo(site.ws('/lobby', [], { ...BROWSER, ...bearer('no.such.token') }))).toMatchObject({
      status: 401,
    });
    expect(seen.connections).toEqual([]);
  });

  it('is 503 with Retry-After while the identity system is silent, or closed with 1013 in a browser', async () => {
    const { emulator } = await start('ws');
    emulator.setFault({ endpoint: 'verify-token', kind: 'status', status: 500 });
    expect(await answerTo(site.ws('/lobby', [], bearer(site.token())))).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
    });
    const browser = site.ws('/lobby', ['nowgg.v1', `bearer.${site.token()}`], BROWSER);
    expect(await closeOf(browser)).toEqual({ code: 1013, errorCode: 'identity_unavailable' });
  });

  it('of a browser is accepted, and closed with code and reason, without Nest', async () => {
    const { seen } = await start('ws');
    expect(await closeOf(site.ws('/lobby', [], BROWSER))).toEqual({ code: 4401, errorCode: 'missing_token' });
    const expired = site.token(undefined, 1);
    site.emulator.advanceClock(60_000);
    site.clock.advance(60_000);
    const closed = await closeOf(site.ws('/lobby', ['nowgg.v1', `bearer.${expired}`], BROWSER));
    expect(closed).toEqual({ code: 4403, errorCode: 'expired_token' });
    expect(seen.connections).toEqual([]);
  });

  it('takes a token from the header', async () => {
    await start('ws');
    const client = new WsClient(site.ws('/lobby', [], bearer(site.token())));
    await client.opened();
    expect(await client.ask('who')).toMatchObject({ player: expect.any(String) });
  });

  it.each([
    [['nowgg.v1'], 'nowgg.v1'],
    [['chat.v2', 'nowgg.v1'], 'chat.v2'],
    [['nowgg.v1', 'chat.v2', 'chat.v1'], 'chat.v2'],
  ])('selects of %j the subprotocol %s, never the token', async (offered, protocol) => {
    await start('ws');
    const client = site.ws('/lobby', [...offered, `bearer.${site.token()}`], BROWSER);
    await once(client, 'open');
    expect(client.protocol).toBe(protocol);
  });

  it('has no credential in a subprotocol without the marker, and no server selects it', async () => {
    const { seen } = await start('ws');
    const closed = await closeOf(site.ws('/lobby', [`bearer.${site.token()}`, 'chat.v2'], BROWSER));
    expect(closed).toEqual({ code: 4401, errorCode: 'missing_token' });
    const open = site.ws('/news', [`bearer.${site.token()}`, 'chat.v2'], BROWSER);
    await once(open, 'open');
    expect(open.protocol).toBe('chat.v2');
    expect(seen.connections).toEqual([undefined]);
  });

  it('with a header and a subprotocol is refused, and now.gg is not asked', async () => {
    const { emulator, seen } = await start('ws');
    const token = site.token();
    expect(await answerTo(site.ws('/lobby', ['nowgg.v1', `bearer.${token}`], bearer(token)))).toMatchObject({
      status: 400,
    });
    expect(emulator.requests).toEqual([]);
    expect(seen.connections).toEqual([]);
  });

  it('with two tokens in subprotocols is refused so that a browser sees the reason', async () => {
    const { emulator, seen } = await start('ws');
    const offered = ['nowgg.v1', `bearer.${site.token()}`, 'bearer.other'];
    expect(await closeOf(site.ws('/lobby', offered, BROWSER))).toEqual({ code: 4401, errorCode: 'invalid_request' });
    expect(emulator.requests).toEqual([]);
    expect(seen.connections).toEqual([]);
  });

  it('reads a query parameter only where the application says so', async () => {
    await start('ws');
    expect(await answerTo(site.ws(`/lobby?token=${site.token()}`))).toMatchObject({ status: 401 });
    await site[Symbol.asyncDispose]();
    await start('ws', { websockets: { queryParameter: 'token' } });
    const token = site.token();
    const client = new WsClient(site.ws(`/lobby?room=5&token=${token}`));
    await client.opened();
    expect((site.seen.requests[0] as IncomingMessage).url).toBe('/lobby?room=5');
    expect(await answerTo(site.ws(`/lobby?token=${token}&token=${token}`))).toMatchObject({ status: 400 });
  });

  it('delivers a message that was sent before the verdict after it, and none of a refused client', async () => {
    const { emulator, seen } = await start('ws');
    const raw = (token: string) => {
      const socket = connect(site.port, '127.0.0.1');
      const frame = (text: string) => {
        const payload = Buffer.from(text);
        const mask = Buffer.from([1, 2, 3, 4]);
        const masked = payload.map((byte, at) => byte ^ (mask[at % 4] as number));
        return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, masked]);
      };
      const lines = [
        'GET /lobby HTTP/1.1',
        'Host: game',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Origin: http://game.test',
        `Sec-WebSocket-Protocol: nowgg.v1, bearer.${token}`,
      ];
      socket.write(
        Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), frame('{"event":"who"}'), frame('binary?')]),
      );
      return socket;
    };
    emulator.setFault({ endpoint: 'verify-token', kind: 'hold' });
    const [good, bad] = [raw(site.token()), raw(`${site.token()}x`)];
    good.resume();
    const badClosed = once(bad.resume(), 'close');
    while (emulator.requests.length < 2) await wait(5);
    expect(seen.connections).toEqual([]);
    emulator.clearFaults();
    while (seen.messages.length === 0) await wait(5);
    await badClosed;
    expect(seen.messages).toEqual(['who']);
    expect(seen.connections).toHaveLength(1);
    good.destroy();
  });

  it('is bounded in number and time while it has no verdict', async () => {
    const { emulator, seen } = await start('ws', {
      websockets: { maxPendingHandshakes: 50, handshakeTimeoutMs: 5_000 },
      module: { verification: { timeoutMs: 30_000 } },
    });
    emulator.setFault({ endpoint: 'verify-token', kind: 'hold' });
    const answers: string[] = [];
    const clients = Array.from({ length: 1_000 }, () => {
      const client = httpRequest({
        port: site.port,
        path: '/lobby',
        agent: false,
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          Authorization: `Bearer ${site.token()}`,
        },
      });
      const over = new Promise<void>((resolve) => {
        client.on('response', (response) => {
          answers.push(String(response.statusCode));
          response.resume().on('close', resolve);
        });
        client.on('error', () => resolve());
      });
      client.end();
      return over;
    });
    while (answers.length < 950) await wait(5);
    expect(new Set(answers)).toEqual(new Set(['503']));
    site.clock.advance(5_001);
    await Promise.all(clients);
    expect(answers).toHaveLength(1_000);
    expect(new Set(answers)).toEqual(new Set(['503']));
    expect(seen.connections).toEqual([]);
  });

  it('shows no token in the answer to a browser that is refused because of too many handshakes', async () => {
    const { emulator } = await start('ws', { websockets: { maxPendingHandshakes: 1 } });
    emulator.setFault({ endpoint: 'verify-token', kind: 'hold' });
    const waiting = site.ws('/lobby', ['nowgg.v1', `bearer.${site.token()}`], BROWSER);
    while (emulator.requests.length === 0) await wait(5);
    const refused = site.ws('/lobby', ['nowgg.v1', `bearer.${site.token()}`], BROWSER);
    const closed = closeOf(refused);
    await once(refused, 'open');
    expect(refused.protocol).toBe('nowgg.v1');
    expect(await closed).toEqual({ code: 1013, errorCode: 'identity_unavailable' });
    emulator.clearFaults();
    await once(waiting, 'open');
  });

  it('closes with 1001 when the application shuts down', async () => {
    await start('ws');
    const client = new WsClient(site.ws('/lobby', [], bearer(site.token())));
    await client.opened();
    const ended = client.ended();
    await site.app.close();
    expect(await ended).toEqual({ code: 1001, errorCode: '' });
  });

  it('keeps the own choice of subprotocols of an application', async () => {
    const offered: string[][] = [];
    class ChoosingAdapter extends WsAdapter {
      override create(port: number, options: Parameters<WsAdapter['create']>[1]) {
        const handleProtocols = (protocols: Set<string>) => {
          offered.push([...protocols]);
          return 'chat.v1';
        };
        return super.create(port, { ...options, handleProtocols } as never) as never;
      }
    }
    await start('ws', { prepare: (app) => app.useWebSocketAdapter(nowggWebSockets(app, new ChoosingAdapter(app))) });
    const client = site.ws('/lobby', ['nowgg.v1', `bearer.${site.token()}`, 'chat.v2', 'chat.v1'], BROWSER);
    await once(client, 'open');
    expect(client.protocol).toBe('chat.v1');
    expect(offered).toEqual([['chat.v2', 'chat.v1']]);
  });
});

describe('A handshake of socket.io', () => {
  const refusalOf = async (options: Parameters<SocketApp['io']>[0], namespace?: string) => {
    const socket = site.io(options, namespace);
    const [error] = (await once(socket as never, 'connect_error')) as [Error & { data?: unknown }];
    return error.data;
  };

  it('is refused with connect_error.data, and nothing reaches Nest', async () => {
    const { seen, emulator } = await start('socket.io');
    expect(await refusalOf({})).toEqual({
      statusCode: 401,
      errorCode: 'missing_token',
      message: 'no bearer token was sent',
    });
    expect(await refusalOf({ auth: { token: 'no.such.token' } })).toMatchObject({
      errorCode: expect.stringMatching(/token/),
    });
    emulator.setFault({ endpoint: 'verify-token', kind: 'status', status: 500 });
    expect(await refusalOf({ auth: { token: site.token() } })).toMatchObject({
      statusCode: 503,
      errorCode: 'identity_unavailable',
      retryAfterSeconds: 1,
    });
    expect(seen.connections).toEqual([]);
  });

  it.each([
    ['a number', { token: 5 }],
    ['an array', { token: ['a'] }],
    ['a huge text', { token: 'x'.repeat(100_000) }],
    ['several words', { token: 'Bearer x' }],
    ['an empty text', { token: '' }],
  ])('with %s as token is malformed, and asks no identity system', async (_, auth) => {
    const { emulator } = await start('socket.io');
    expect(await refusalOf({ auth })).toMatchObject({ errorCode: 'malformed_token', statusCode: 401 });
    expect(emulator.requests).toEqual([]);
  });

  it('with a header and auth is refused', async () => {
    await start('socket.io');
    const token = site.token();
    expect(await refusalOf({ auth: { token }, extraHeaders: { authorization: `Bearer ${token}` } })).toMatchObject({
      errorCode: 'invalid_request',
      statusCode: 400,
    });
  });

  it.each([['polling'], ['websocket']])(
    'takes a token from the header over %s, in every namespace',
    async (transport) => {
      @WebSocketGateway({ path: '/lobby', namespace: 'chat' })
      class ChatGateway extends LobbyGateway {}
      @WebSocketGateway({ path: '/lobby', namespace: /^\/room-\d+$/ })
      class RoomGateway extends LobbyGateway {}
      const { seen } = await start('socket.io', { gateways: [LobbyGateway, ChatGateway, RoomGateway] });
      const extraHeaders = { authorization: `Bearer ${site.token()}` };
      const first = site.io({ extraHeaders, transports: [transport] });
      await new IoClient(first).opened();
      for (const namespace of ['/chat', '/room-7']) {
        const socket = first.io.socket(namespace);
        const client = new IoClient(socket);
        await client.opened();
        expect(await client.ask('who')).toMatchObject({ player: expect.any(String) });
        expect(await refusalOf({}, namespace)).toMatchObject({ errorCode: 'missing_token' });
      }
      expect(seen.connections).toHaveLength(3);
    },
  );

  it('guards namespaces that the code of the application makes', async () => {
    let server: ReturnType<IoAdapter['createIOServer']> | undefined;
    class KeepingAdapter extends IoAdapter {
      override createIOServer(...given: Parameters<IoAdapter['createIOServer']>) {
        server = super.createIOServer(...given);
        return server;
      }
    }
    await start('socket.io', {
      prepare: (app) => app.useWebSocketAdapter(new KeepingAdapter(app)),
      gateways: [LobbyGateway],
    });
    const reached: string[] = [];
    server?.of('/admin', (socket) => void reached.push(socket.nsp.name));
    server?.of(/^\/team-/).on('connection', (socket) => void reached.push(socket.nsp.name));
    for (const namespace of ['/admin', '/team-1']) {
      expect(await refusalOf({}, namespace)).toMatchObject({ errorCode: 'missing_token' });
      await new IoClient(site.io({ auth: { token: site.token() } }, namespace)).opened();
    }
    expect(reached).toEqual(['/admin', '/team-1']);
  });

  it('admits a recovered session only after a verdict', async () => {
    const { seen, emulator } = await start('socket.io', {
      prepare: (app) => {
        class RecoveringAdapter extends IoAdapter {
          override createIOServer(port: number, options?: object) {
            return super.createIOServer(port, { ...options, connectionStateRecovery: {} } as never);
          }
        }
        app.useWebSocketAdapter(new RecoveringAdapter(app));
      },
    });
    const { userId } = emulator.addPlayer();
    const socket = site.io({ auth: { token: site.token(userId) } });
    const client = new IoClient(socket);
    await client.opened();
    await client.ask('who');
    socket.io.engine.close();
    await site.app.get(NowggRevocationService).revoke({ userId }, { until: new Date('2099-01-01') });
    socket.connect();
    const [error] = (await once(socket as never, 'connect_error')) as [Error & { data?: unknown }];
    expect(error.data).toMatchObject({ errorCode: 'user_banned' });
    expect(seen.connections).toHaveLength(1);
  });

  it('that stays half open is bounded in number and time', async () => {
    const { seen } = await start('socket.io');
    const url = `ws://127.0.0.1:${site.port}/lobby/?EIO=4&transport=websocket`;
    const opened: WebSocket[] = [];
    const closed = Array.from({ length: 1_100 }, async () => {
      const client = new WebSocket(url);
      client.on('error', () => undefined);
      client.once('message', () => void opened.push(client));
      await once(client, 'close');
    });
    const counted = Promise.all(closed);
    while (opened.length < 1_000) await wait(5);
    site.clock.advance(5_001);
    await counted;
    expect(seen.connections).toEqual([]);
    await site.connect(site.token());
    expect(seen.connections).toHaveLength(1);
  });

  it('shows the player in socket.data.user, and no user on a public gateway', async () => {
    const { seen, emulator } = await start('socket.io');
    const { userId } = emulator.addPlayer();
    await site.connect(site.token(userId));
    await new IoClient(site.io({ path: '/news' })).opened();
    const [player, anonymous] = seen.clients as { data: { user?: { userId: string } } }[];
    expect(player?.data.user?.userId).toBe(userId);
    expect(anonymous?.data).toEqual({});
  });
});

describe.each<Kind>(['socket.io', 'ws'])('A public gateway on %s', (kind) => {
  const open = async (token?: string) => {
    const protocols = token === undefined ? [] : ['nowgg.v1', `bearer.${token}`];
    const client =
      kind === 'ws'
        ? new WsClient(site.ws('/news', protocols, BROWSER))
        : new IoClient(site.io({ path: '/news', ...(token !== undefined && { auth: { token } }) }));
    await client.opened();
    return client;
  };

  it('lets everybody in, and each message is decided by its handler', async () => {
    const { emulator } = await start(kind);
    const anonymous = await open();
    expect(await anonymous.ask('headlines')).toEqual({ player: null });
    expect(await anonymous.ask('mine')).toEqual({ player: null });
    expect(await anonymous.ask('letters')).toMatchObject({ errorCode: 'missing_token' });
    const bad = await open('no.such.token');
    expect(await bad.ask('headlines')).toEqual({ player: null });
    expect(await bad.ask('mine')).toMatchObject({ statusCode: 401 });
    expect(emulator.requests.length).toBeLessThanOrEqual(1);
  });

  it('knows the player from the first message that needs one, and ends with their ban', async () => {
    const { emulator } = await start(kind);
    const { userId } = emulator.addPlayer();
    const client = await open(site.token(userId));
    expect(emulator.requests).toEqual([]);
    expect(await client.ask('mine')).toEqual({ player: userId });
    expect(nowggSocketUser(site.seen.clients[0] as object)?.userId).toBe(userId);
    await site.app.get(NowggRevocationService).revoke({ userId });
    expect(await client.ended()).toMatchObject({ errorCode: 'revoked_token' });
  });

  it('of one server shares the most permissive handshake', async () => {
    @WebSocketGateway({ path: '/shared' })
    class ClosedGateway extends LobbyGateway {}
    @WebSocketGateway({ path: '/shared' })
    @OptionalAuth()
    class OptionalGateway extends NewsGateway {}
    const { seen } = await start(kind, { gateways: [ClosedGateway, OptionalGateway] });
    const client =
      kind === 'ws' ? new WsClient(site.ws('/shared', [], BROWSER)) : new IoClient(site.io({ path: '/shared' }));
    await client.opened();
    // Each gateway answers the message that it subscribes to.
    expect(await client.ask('who')).toMatchObject({ errorCode: 'missing_token' });
    expect(seen.connections).toEqual([undefined, undefined]);
  });
});

describe('The start of an application with gateways', () => {
  it('fails when the adapter does not authenticate handshakes, and names the line', async () => {
    const starting = SocketApp.start('ws', {
      prepare: (app: INestApplication) => {
        // An adapter that gets to Nest in another way than by useWebSocketAdapter.
        const { config } = app as unknown as { config: { ioAdapter: unknown } };
        config.ioAdapter = new WsAdapter(app);
      },
    });
    await expect(starting).rejects.toThrow('app.useWebSocketAdapter(nowggWebSockets(app, new YourAdapter(app)))');
    site = await SocketApp.start('ws');
  });

  it('fails when a gateway loosens the age of verdicts', async () => {
    @WebSocketGateway({ path: '/loose' })
    @NowggAuth({ maxAgeMs: 3_600_000 })
    class LooseGateway extends LobbyGateway {}
    await expect(SocketApp.start('ws', { gateways: [LooseGateway] })).rejects.toThrow(
      /LooseGateway.*maxAgeMs is longer/,
    );
    site = await SocketApp.start('ws');
  });

  it('fails without websockets() when an adapter is to be wrapped', async () => {
    const starting = SocketApp.start('ws', {
      module: { transports: [] },
      prepare: (app) => void nowggWebSockets(app, new WsAdapter(app)),
    });
    await expect(starting).rejects.toThrow('add websockets() to the option transports of NowggAuthModule');
    site = await SocketApp.start('ws');
  });

  it('guards gateways on a port of their own, and the default adapter', async () => {
    @WebSocketGateway(0, { path: '/own' })
    class OwnGateway extends LobbyGateway {
      @SubscribeMessage('echo')
      echo(@MessageBody() body: unknown) {
        return { event: 'echo', data: body };
      }
    }
    await start('socket.io', { gateways: [OwnGateway] });
    const client = new IoClient(site.io({ path: '/own', auth: { token: site.token() } }));
    await client.opened();
    expect(await client.ask('echo', { constructor: { prototype: 1 } })).toEqual({ constructor: { prototype: 1 } });
  });
});
