import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { CredentialRequest } from 'nestjs-nowgg-auth';
import { IoClient, type Kind, SocketApp, WsClient } from './support.js';

jest.setTimeout(60_000);

let site: SocketApp;
afterEach(async () => {
  jest.restoreAllMocks();
  await site[Symbol.asyncDispose]();
});

const cookieOf = ({ headers }: CredentialRequest) => /(?:^|; )game=([^;]*)/.exec(headers.cookie ?? '')?.[1];
const start = async (kind: Kind, extract: (request: CredentialRequest) => string | undefined = cookieOf) => {
  site = await SocketApp.start(kind, { module: { credentials: { extract } } });
};
const connect = (kind: Kind, headers: Record<string, string>) =>
  kind === 'ws'
    ? new WsClient(site.ws('/lobby', ['nowgg.v1'], { origin: 'http://game.test', headers }))
    : new IoClient(site.io({ extraHeaders: headers }));

describe.each(['ws', 'socket.io'] as const)('a handshake of %s with a token in a cookie', (kind) => {
  it('is admitted, and nothing that the application sees has the token', async () => {
    await start(kind);
    const { userId } = site.emulator.addPlayer();
    const token = site.token(userId);
    const client = connect(kind, { cookie: `theme=dark; game=${token}; lang=en` });
    await client.opened();
    expect(await client.ask('who')).toMatchObject({ player: userId });
    const shown = [
      ...site.seen.requests,
      ...site.seen.clients.map((each) => (each as { handshake?: unknown }).handshake),
    ];
    const text = shown.filter(Boolean).map((each) => {
      const { headers, rawHeaders, url } = each as { headers: object; rawHeaders?: string[]; url: string };
      return JSON.stringify([headers, rawHeaders, url]);
    });
    expect(text.length).toBeGreaterThan(0);
    expect(text.join()).toContain('theme=dark');
    expect(text.join()).not.toContain(token);
  });

  it('is refused with a second token in the header', async () => {
    await start(kind);
    const headers = { cookie: `game=${site.token()}`, authorization: `Bearer ${site.token()}` };
    await expect(connect(kind, headers).opened()).rejects.toBeDefined();
    expect(site.seen.connections).toEqual([]);
  });

  it('is told of a fault of the application and not of the token, and the process goes on', async () => {
    jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    await start(kind, ({ headers }) => {
      if (headers.cookie === undefined) return undefined;
      throw new Error('broken');
    });
    const client = connect(kind, { cookie: `game=${site.token()}` });
    const refused = await (client instanceof WsClient
      ? client.ended()
      : client.opened().catch(({ data }: { data?: unknown }) => data));
    expect(refused).toMatchObject({ errorCode: 'configuration' });
    const other = await site.connect(site.token());
    expect(await other.ask('who')).toMatchObject({ player: expect.any(String) });
  });
});
