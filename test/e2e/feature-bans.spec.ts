import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  memoryTokenStore,
  NowggAuthModule,
  NowggConfigurationError,
  NowggRevocationService,
  OptionalAuth,
  RequireFeature,
} from 'nestjs-nowgg-auth';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { closeApp } from '../../apps/sample/src/http/close-app.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { strongKey } from '../../libs/nowgg-auth/src/testing-support/strong-key.js';
import { captureSecurityEvents } from '../../libs/nowgg-auth/src/testing-support/security-events.js';

@Controller()
@RequireFeature('game')
class FeaturesController {
  @Get('chat') @RequireFeature('chat', 'voice') chat() {
    return 'said';
  }
  @Get('play') play() {
    return 'played';
  }
  @Get('read') @OptionalAuth() @RequireFeature('chat') read() {
    return 'read';
  }
}

@Controller()
class PlainController {
  @Get('plain') plain() {
    return 'plain';
  }
}

describe('a player who is banned from a feature', () => {
  const clock = new OffsetClock();
  let emulator: NowggEmulator;
  let app: INestApplication;
  let players = 0;

  beforeAll(async () => {
    emulator = await startNowggEmulator();
    @Module({
      imports: [
        NowggAuthModule.forRoot({
          clientId: 'demo-client',
          clientSecret: 'demo-secret',
          baseUrl: emulator.url,
          tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] },
          tokenStore: memoryTokenStore(),
          strategyName: false,
          globalGuard: true,
          clock,
        }),
      ],
      controllers: [FeaturesController, PlainController],
    })
    class AppModule {}
    app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication();
    await app.listen(0, '127.0.0.1');
  });
  afterAll(async () => {
    await closeApp(app);
    await emulator.close();
  });

  const revocations = () => app.get(NowggRevocationService);
  const newPlayer = () => {
    players += 1;
    const { userId } = emulator.addPlayer({ userId: `player-of-features-${players}` });
    return { userId, token: emulator.issueTokens({ userId }).token };
  };
  const get = async (path: string, token?: string) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${await app.getUrl()}/${path}`, { headers });
    const text = await response.text();
    return response.ok ? [response.status, text] : [response.status, JSON.parse(text) as Record<string, unknown>];
  };

  it('learns why and until when where the feature is required, and uses everything else', async () => {
    const { userId, token } = newPlayer();
    const until = new Date(clock.now() + 60_000);
    const reason = { code: 'insults', text: 'Be <b>kind</b>.' };
    expect(await get('chat', token)).toEqual([200, 'said']);
    await revocations().revoke({ userId, feature: 'voice' }, { until, reason, by: 'moderator' });
    const told = { reasonCode: 'insults', text: reason.text, until: until.toISOString(), feature: 'voice' };
    expect(await get('chat', token)).toEqual([
      403,
      { statusCode: 403, message: 'the player is banned from this feature', errorCode: 'feature_banned', ...told },
    ]);
    expect([await get('play', token), await get('plain', token)]).toEqual([
      [200, 'played'],
      [200, 'plain'],
    ]);
    expect(await get('chat', newPlayer().token)).toEqual([200, 'said']);
    expect(await revocations().isRevoked({ userId })).toBe(false);
    expect(await revocations().findBan({ userId, feature: 'voice' })).toMatchObject({ by: 'moderator', until });
    clock.advance(60_000);
    expect(await get('chat', token)).toEqual([200, 'said']);
  });

  it('of the controller is banned from each handler, until it is lifted where no end is given', async () => {
    const { userId, token } = newPlayer();
    using events = captureSecurityEvents();
    await revocations().revoke({ userId, feature: 'game' });
    expect(await get('play', token)).toEqual([403, expect.not.objectContaining({ until: expect.anything() })]);
    expect((await get('chat', token))[0]).toBe(403);
    await revocations().restore({ userId, feature: 'game' }, { by: 'desk' });
    expect(await get('play', token)).toEqual([200, 'played']);
    expect(events.seen).toEqual([
      { type: 'banned', provider: 'nowgg', feature: 'game' },
      { type: 'restored', provider: 'nowgg', by: 'desk', feature: 'game' },
    ]);
  });

  it('needs a token on an optional route that requires a feature, as with a scope', async () => {
    expect(await get('read')).toMatchObject([401, { errorCode: 'missing_token' }]);
  });

  it('is one whose id does not run into the name of another feature', async () => {
    const { userId, token } = newPlayer();
    await revocations().revoke({ userId: `x ${userId}`, feature: 'chat' });
    await revocations().revoke({ userId, feature: 'chat.x' });
    expect(await get('chat', token)).toEqual([200, 'said']);
  });

  it.each([
    [{ userId: 'u', feature: '' }],
    [{ userId: 'u', feature: 'a b' }],
    [{ userId: 'u', feature: 7 }],
    [{ sessionId: 's', feature: 'chat' }],
  ])('cannot be named by %j', async (target) => {
    await expect(revocations().revoke(target as never)).rejects.toMatchObject({ errorCode: 'invalid_request' });
  });
});

describe('@RequireFeature', () => {
  it.each(['', 'a b', 'x'.repeat(65)])('refuses the name %j', (feature) => {
    expect(() => RequireFeature(feature)).toThrow(NowggConfigurationError);
  });
});
