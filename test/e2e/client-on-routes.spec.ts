import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { memoryTokenStore, NowggAuthModule, NowggRevocationService, NowggUser } from 'nestjs-nowgg-auth';
import { configure, SessionUnavailableError } from 'nowgg-auth-client';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';

@Controller()
class GameController {
  @Get('game')
  game(@NowggUser('userId') userId: string) {
    return { userId };
  }
}

describe('the session client on the ready-made routes', () => {
  let emulator: NowggEmulator;
  let app: INestApplication;
  let baseUrl: string;

  const signedIn = async () => {
    const client = configure({ baseUrl });
    await client.login(emulator.issueCode({ userId: emulator.addPlayer().userId }));
    return client;
  };

  beforeAll(async () => {
    emulator = await startNowggEmulator({ clients: [{ clientId: 'game', clientSecret: 'secret' }] });
    @Module({
      imports: [
        NowggAuthModule.forRoot({
          clientId: 'game',
          clientSecret: 'secret',
          baseUrl: emulator.url,
          tokens: { encryptionKeys: [{ id: 'k1', key: Buffer.alloc(32, 1).toString('base64') }] },
          tokenStore: memoryTokenStore(),
          strategyName: false,
          globalGuard: true,
          routes: true,
        }),
      ],
      controllers: [GameController],
    })
    class GameModule {}
    app = (await Test.createTestingModule({ imports: [GameModule] }).compile()).createNestApplication();
    await app.listen(0, '127.0.0.1');
    baseUrl = await app.getUrl();
  });

  afterAll(async () => {
    await app.close();
    await emulator.close();
  });

  it('signs a player in, calls a guarded route and tells who he is', async () => {
    const client = await signedIn();
    const { userId } = (await (await client.fetch(`${baseUrl}/game`)).json()) as { userId: string };
    expect(await client.fetchUserInfo()).toMatchObject({ userId });
    expect(await client.fetchPrincipal()).toMatchObject({ userId, provider: 'nowgg' });
    expect(client.sessionState).toBe('AUTHENTICATED');
    client.close();
  });

  it('makes one refresh when a hundred calls meet a token that now.gg has taken back', async () => {
    const client = await signedIn();
    emulator.revokeToken(client.accessToken as string);
    // The verdict from before would serve for a while: a route that asks now would not.
    await app.get(NowggRevocationService).revoke({ token: client.accessToken as string });
    const before = emulator.requestCount({ endpoint: 'token' });
    const calls = Array.from({ length: 100 }, async () => (await client.fetch(`${baseUrl}/game`)).status);
    expect(new Set(await Promise.all(calls))).toEqual(new Set([200]));
    expect(emulator.requestCount({ endpoint: 'token' }) - before).toBe(1);
    client.close();
  });

  it('keeps the session through an outage, and loses it when the grant is revoked', async () => {
    const client = await signedIn();
    const { userId } = (await (await client.fetch(`${baseUrl}/game`)).json()) as { userId: string };
    emulator.setFault({ kind: 'status', endpoint: '*', status: 500 });
    await expect(client.fetchUserInfo()).rejects.toBeInstanceOf(SessionUnavailableError);
    expect(client.sessionState).not.toBe('NO_SESSION');
    emulator.clearFaults();
    await app.get(NowggRevocationService).revoke({ userId });
    await client.fetch(`${baseUrl}/game`).catch(() => undefined);
    expect(client.sessionState).toBe('NO_SESSION');
    client.close();
  });

  it('signs out for good', async () => {
    const client = await signedIn();
    const token = client.accessToken as string;
    await client.logout();
    expect([client.sessionState, client.accessToken]).toEqual(['NO_SESSION', undefined]);
    const answer = await fetch(`${baseUrl}/game`, { headers: { authorization: `Bearer ${token}` } });
    expect(answer.status).toBe(401);
    client.close();
  });
});
