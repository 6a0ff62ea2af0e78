import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { memoryTokenStore, NowggRevocationService, NowggTokenService, NowggUser } from 'nestjs-nowgg-auth';
import { strongKey } from '../../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { until } from '../../client/support/facts.js';
import { type Kind, SocketApp, type SocketAppOptions } from './support.js';

jest.setTimeout(60_000);

describe.each<Kind>(['socket.io', 'ws'])('Gateways on %s', (kind) => {
  let site: SocketApp | undefined;

  afterEach(async () => {
    await site?.[Symbol.asyncDispose]();
    site = undefined;
  });

  async function start(options?: SocketAppOptions): Promise<SocketApp> {
    site = await SocketApp.start(kind, options);
    return site;
  }

  const ending = (code: number, errorCode: string) => (kind === 'ws' ? { code, errorCode } : { errorCode });

  it('know the player in handleConnection, in each message, and in handleDisconnect', async () => {
    const { emulator, seen } = await start();
    const { userId } = emulator.addPlayer();
    const client = await site!.connect(site!.token(userId));
    expect(await client.ask('who')).toEqual({ player: userId });
    expect(await client.ask('open')).toEqual({ player: null });
    expect(seen.connections).toEqual([userId]);
    expect(seen.messages).toEqual(['who', 'open']);
    for (const each of site!.clients.splice(0)) each.close();
    await until(() => seen.disconnections.length > 0);
    expect(seen.disconnections).toEqual([userId]);
  });

  it('log once that a handler asks for the player where no guard runs', async () => {
    @WebSocketGateway({ path: '/lobby' })
    class BareGateway {
      @SubscribeMessage('who')
      who(@NowggUser('userId') userId: string) {
        return { event: 'who', data: userId };
      }
    }
    const logged = jest.spyOn(Logger.prototype, 'error').mockImplementation(() => undefined);
    try {
      await start({ gateways: [BareGateway], module: { globalGuard: false } });
      const client = await site!.connect(site!.token());
      for (const _ of [1, 2]) expect(await client.ask('who')).toMatchObject({ status: 'error' });
      expect(logged.mock.calls).toEqual([
        [expect.stringMatching(/^BareGateway\.who: @NowggUser\(\): .*@UseGuards\(NowggAuthGuard\)/)],
      ]);
    } finally {
      logged.mockRestore();
    }
  });

  it('answer a message that lacks a scope with its errorCode, and keep the connection', async () => {
    await start();
    const client = await site!.connect(site!.token());
    expect(await client.ask('scoped')).toEqual({
      status: 'error',
      statusCode: 403,
      errorCode: 'insufficient_scope',
      message: 'the bearer token lacks a required scope',
    });
    expect(await client.ask('recent')).toMatchObject({
      errorCode: 'insufficient_user_authentication',
      maxAgeSeconds: 0,
    });
    expect(await client.ask('who')).toMatchObject({ player: expect.any(String) });
    expect(site!.seen.messages).toEqual(['who']);
  });

  it('ask the identity system once for a connection, and again only for messages after maxAgeMs', async () => {
    const { emulator, clock } = await start();
    const client = await site!.connect(site!.token());
    for (const _ of [1, 2, 3]) await client.ask('who');
    expect(emulator.requests).toHaveLength(1);
    clock.advance(31_000);
    expect(emulator.requests).toHaveLength(1);
    await Promise.all([client.ask('who'), client.ask('who')]);
    expect(emulator.requests).toHaveLength(2);
  });

  it('serve messages by the last verdict while the identity system is silent', async () => {
    const { emulator, clock } = await start();
    const client = await site!.connect(site!.token());
    emulator.setFault({ endpoint: 'verify-token', kind: 'status', status: 500 });
    clock.advance(31_000);
    expect(await client.ask('who')).toMatchObject({ player: expect.any(String) });
    expect(await client.ask('fresh')).toMatchObject({ errorCode: 'identity_unavailable', statusCode: 503 });
    expect(await client.ask('who')).toMatchObject({ player: expect.any(String) });
  });

  it('close when the identity system refuses the token at a later message', async () => {
    const { emulator, clock } = await start({ module: { verification: { refusalsAreDefinite: true } } });
    const token = site!.token();
    const client = await site!.connect(token);
    emulator.revokeToken(token);
    clock.advance(31_000);
    expect(await client.ask('who')).toMatchObject({ errorCode: 'invalid_token', statusCode: 401 });
    expect(await client.ended()).toMatchObject(ending(4401, 'invalid_token'));
    expect(site!.seen.messages).toEqual([]);
  });

  it('close at the expiry of the token, without a message', async () => {
    const { clock, emulator } = await start();
    const short = await site!.connect(site!.token(undefined, 60));
    const long = await site!.connect(site!.token());
    clock.advance(61_000);
    expect(await short.ended()).toMatchObject(ending(4403, 'expired_token'));
    expect(await long.ask('who')).toMatchObject({ player: expect.any(String) });
    expect(emulator.requests.length).toBeLessThanOrEqual(3);
  });

  it('close at a ban, and let no reconnect of the player in', async () => {
    const { emulator, seen } = await start();
    const { userId } = emulator.addPlayer();
    const token = site!.token(userId);
    const [first, second, other] = await Promise.all([token, token, site!.token()].map((each) => site!.connect(each)));
    const [until, reason] = [new Date('2099-01-01'), { code: 'cheating', text: 'Aim <b>help</b>' }];
    await site!.app.get(NowggRevocationService).revoke({ userId }, { until, reason });
    const told = { reasonCode: reason.code, text: reason.text, until: until.toISOString() };
    for (const client of [first, second]) {
      expect(await client!.ended()).toMatchObject({ ...ending(4401, 'user_banned'), ...told });
    }
    expect(await other!.ask('who')).toMatchObject({ player: expect.any(String) });
    const before = seen.connections.length;
    const attempts = Array.from({ length: 100 }, async (_, at) => {
      const client = site!.connect(at % 2 === 0 ? token : site!.token(userId));
      return client.then(async (each) => (await each.ended()).errorCode).catch(() => 'refused');
    });
    const outcomes = await Promise.all(attempts);
    expect(new Set(outcomes)).toEqual(new Set([kind === 'ws' ? 'user_banned' : 'refused']));
    expect(seen.connections).toHaveLength(before);
  });

  it('close at a sign-out of the session or the token alone', async () => {
    await start();
    const [signedOut, kept] = [site!.token(), site!.token()];
    const [client, other] = [await site!.connect(signedOut), await site!.connect(kept)];
    await site!.app.get(NowggRevocationService).revoke({ token: signedOut });
    expect(await client.ended()).toMatchObject(ending(4401, 'revoked_token'));
    expect(await other.ask('who')).toMatchObject({ player: expect.any(String) });
  });

  it('close when the player signs in on another device, and say so', async () => {
    const tokens = { encryptionKeys: [{ id: 'k1', key: strongKey(1) }], sessions: { max: 1 } };
    const { emulator, app } = await start({ module: { tokens, tokenStore: memoryTokenStore() } });
    const { userId } = emulator.addPlayer();
    const signIn = async () => app.get(NowggTokenService).exchangeCode(emulator.issueCode({ userId }));
    const client = await site!.connect((await signIn()).accessToken.token);
    const other = await site!.connect(site!.token());
    const next = await site!.connect((await signIn()).accessToken.token);
    expect(await client.ended()).toMatchObject(ending(4401, 'signed_in_elsewhere'));
    for (const kept of [other, next]) expect(await kept.ask('who')).toMatchObject({ player: expect.any(String) });
  });

  it('take a new token of the same player in band, and live on with it', async () => {
    const { emulator, clock } = await start();
    const { userId } = emulator.addPlayer();
    const client = await site!.connect(site!.token(userId, 60));
    const answer = await client.ask('nowgg:auth', { token: site!.token(userId, 600) });
    expect(answer).toEqual({ ok: true, expiresAt: expect.any(Number) });
    clock.advance(61_000);
    expect(await client.ask('who')).toEqual({ player: userId });
    clock.advance(600_000);
    expect(await client.ended()).toMatchObject(ending(4403, 'expired_token'));
  });

  it.each([
    ['nothing', undefined],
    ['no object', 'token'],
    ['a number', { token: 5 }],
    ['an inherited name', JSON.parse('{"__proto__":{"token":"x"}}') as unknown],
    ['a huge text', { token: 'x'.repeat(10_000) }],
  ])('refuse %s as a new token, and keep the old one', async (_, message) => {
    await start();
    const client = await site!.connect(site!.token());
    expect(await client.ask('nowgg:auth', message)).toMatchObject({ ok: false, errorCode: 'malformed_token' });
    expect(await client.ask('who')).toMatchObject({ player: expect.any(String) });
  });

  it('end at a new token of another player', async () => {
    await start();
    const client = await site!.connect(site!.token());
    const asked = client.ask('nowgg:auth', { token: site!.token() }).catch(() => undefined);
    expect(await client.ended()).toMatchObject(ending(4401, 'invalid_request'));
    void asked;
  });

  it('do not let a token stay in what the application sees', async () => {
    const { seen } = await start();
    const token = site!.token();
    await site!.connect(token);
    const { inspect } = await import('node:util');
    expect(seen.connections).toHaveLength(1);
    const shown = inspect([seen.clients, seen.requests], {
      depth: 12,
      maxArrayLength: null,
      maxStringLength: null,
      showHidden: true,
    });
    expect(shown.includes(token)).toBe(false);
  });
});
