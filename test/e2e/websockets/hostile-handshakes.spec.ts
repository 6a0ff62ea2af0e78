import { once } from 'node:events';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { WebSocket } from 'ws';
import { until } from '../../client/support/facts.js';
import { type Kind, SocketApp, type SocketAppOptions, WsClient } from './support.js';

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
const PROTOTYPE_KEYS = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];

describe('A hostile client of ws', () => {
  it.each([
    ['binary', Buffer.from([0, 1, 2, 255])],
    ['no JSON', 'who'],
    ['an array', '["who"]'],
    ['a number', '5'],
    ['null', 'null'],
    ['an inherited event', '{"__proto__":{"event":"who"}}'],
    ...PROTOTYPE_KEYS.map((event) => [`the event ${event}`, JSON.stringify({ event, data: {} })] as const),
  ])('whose first frame is %s reaches no handler, and harms no other client', async (_, frame) => {
    const { seen } = await start('ws');
    const [hostile, other] = [await site.connect(site.token()), await site.connect(site.token())];
    (hostile as WsClient).socket.send(frame);
    expect(await other.ask('who')).toMatchObject({ player: expect.any(String) });
    expect(await hostile.ask('who')).toMatchObject({ player: expect.any(String) });
    expect(seen.messages).toEqual(['who', 'who']);
  });

  it('with a token in the query and in a subprotocol or a header is refused', async () => {
    const { emulator } = await start('ws', { websockets: { queryParameter: 'token' } });
    const token = site.token();
    const byHeader = site.ws(`/lobby?token=${token}`, [], { headers: { authorization: `Bearer ${token}` } });
    const [, response] = (await once(byHeader, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(400);
    const ofBrowser = site.ws(`/lobby?token=${token}`, ['nowgg.v1', `bearer.${token}`], BROWSER);
    expect(await new WsClient(ofBrowser).ended()).toEqual({ code: 4401, errorCode: 'invalid_request' });
    expect(emulator.requests).toEqual([]);
    expect(site.seen.connections).toEqual([]);
  });
});

describe('A hostile client of socket.io', () => {
  /** A transport of the client's own: what it sends is not checked by a library. */
  async function raw(protocols: string[] = []): Promise<WebSocket> {
    const client = site.ws('/lobby/?EIO=4&transport=websocket', protocols);
    await once(client, 'message');
    return client;
  }

  const refusalOf = async (options: Parameters<SocketApp['io']>[0]) => {
    const socket = site.io(options);
    const [error] = (await once(socket as never, 'connect_error')) as [Error & { data?: unknown }];
    return error.data;
  };

  it.each([
    ['binary', Buffer.from([0, 1, 2, 255])],
    ['no packet', 'hello'],
    ['an event', '42["who",{}]'],
    ['a huge number of attachments', '45999999-["who",{"_placeholder":true,"num":0}]'],
  ])('whose first frame is %s is closed', async (_, frame) => {
    const { seen } = await start('socket.io');
    const client = await raw();
    const closed = once(client, 'close');
    client.send(frame);
    await closed;
    expect([seen.connections, seen.messages]).toEqual([[], []]);
    await site.connect(site.token());
  });

  it('who sends a message before the verdict is closed, and neither reaches Nest', async () => {
    const { emulator, seen } = await start('socket.io');
    emulator.setFault({ endpoint: 'verify-token', kind: 'hold' });
    const client = await raw();
    const closed = once(client, 'close');
    client.send(`40${JSON.stringify({ token: site.token() })}`);
    await until(() => emulator.requests.length === 1);
    client.send('42["who",{}]');
    await closed;
    emulator.clearFaults();
    // The verdict about the closed client comes before that about a later one.
    await site.connect(site.token());
    expect(seen.connections).toHaveLength(1);
    expect(seen.messages).toEqual([]);
  });

  it.each(PROTOTYPE_KEYS)('with a token below the key %s of auth has none', async (key) => {
    const { emulator, seen } = await start('socket.io');
    const auth = JSON.parse(`{"${key}":{"token":"${site.token()}"}}`) as Record<string, unknown>;
    expect(await refusalOf({ auth })).toMatchObject({ errorCode: 'missing_token' });
    expect([emulator.requests, seen.connections]).toEqual([[], []]);
  });

  it('with tokens in auth and in a subprotocol is refused, and without the marker a subprotocol is none', async () => {
    const { emulator } = await start('socket.io');
    const token = site.token();
    expect(await refusalOf({ auth: { token }, protocols: ['nowgg.v1', `bearer.${token}`] })).toMatchObject({
      errorCode: 'invalid_request',
      statusCode: 400,
    });
    expect(await refusalOf({ protocols: ['chat.v2', `bearer.${token}`] })).toMatchObject({
      errorCode: 'missing_token',
    });
    expect(emulator.requests).toEqual([]);
  });
});
