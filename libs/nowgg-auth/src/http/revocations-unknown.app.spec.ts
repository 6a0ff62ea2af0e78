import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, type INestApplication, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { RevocationOptions } from '../options/options.js';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import { NowggRevocationService } from '../revocation/nowgg-revocation.service.js';
import { factsOf, FakeIdentityProvider } from '../testing-support/fake-identity-provider.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { SharedRevocationStore } from '../testing-support/shared-revocation-store.js';
import { NowggAuthGuard } from './nowgg-auth.guard.js';
import { NowggAuth, OptionalAuth, Public } from './policy/policy.decorators.js';
import { platforms } from '../testing-support/guarded-app.js';

@Controller()
@UseGuards(NowggAuthGuard)
class GameController {
  @Get('me') me() {
    return 'me';
  }
  @Get('purse') @NowggAuth({ allowStale: false }) purse() {
    return 'purse';
  }
  @Get('gift') @NowggAuth({ maxAgeMs: 0 }) gift() {
    return 'gift';
  }
  @Get('news') @OptionalAuth() news() {
    return 'news';
  }
  @Get('open') @Public() open() {
    return 'open';
  }
}

const ROUTES = ['me', 'purse', 'gift', 'news', 'open'];

let app: INestApplication;
let clock: ManualClock;
let store: SharedRevocationStore;

async function start(platform: (typeof platforms)[number], revocation?: RevocationOptions): Promise<void> {
  clock = new ManualClock();
  const provider = new FakeIdentityProvider();
  provider.answer = (token) => ({ status: 'valid', facts: factsOf({ userId: token, issuedAtMs: clock.now() }) });
  @Module({
    imports: [
      NowggAuthModule.forRoot({
        identityProviders: [{ name: 'nowgg', create: () => provider }],
        revocationStore: { inject: [], create: () => store },
        strategyName: false,
        clock,
        ...(revocation && { revocation }),
      }),
    ],
    controllers: [GameController],
  })
  class GameModule {}
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  app = await NestFactory.create(GameModule, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
}

async function statuses(token: string): Promise<Record<string, string>> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  const answers = await Promise.all(
    ROUTES.map(async (route) => {
      const answer = await fetch(`http://127.0.0.1:${port}/${route}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      const retryAfter = answer.headers.get('retry-after');
      return [route, retryAfter === null ? `${answer.status}` : `${answer.status} later`] as const;
    }),
  );
  return Object.fromEntries(answers);
}

async function pass(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second += 1) {
    clock.advance(1_000);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

const all = (status: string) => ({ me: status, purse: status, gift: status, news: status, open: '200' });

describe.each(platforms)('guarded routes on %s', (platform) => {
  afterEach(() => app.close());

  it('are 503 with Retry-After before revocations were read, and served once they are', async () => {
    store = new SharedRevocationStore();
    store.broken = true;
    await start(platform);
    expect(await statuses('asha')).toEqual(all('503 later'));
    store.broken = false;
    await pass(1);
    expect(await statuses('asha')).toEqual(all('200'));
  });

  it('are served before that where the application says so', async () => {
    store = new SharedRevocationStore();
    store.broken = true;
    await start(platform, { beforeFirstLoad: 'serve' });
    expect(await statuses('asha')).toEqual(all('200'));
  });

  it('go on with what is known when the store goes away, but for those that take nothing old', async () => {
    store = new SharedRevocationStore();
    await start(platform);
    await app.get(NowggRevocationService).revoke({ userId: 'banned' }, { until: new Date(clock.now() + 3_600_000) });
    expect(await statuses('asha')).toEqual(all('200'));
    store.broken = true;
    await pass(12);
    expect(await statuses('asha')).toEqual({ ...all('200'), purse: '503 later', gift: '503 later' });
    expect(await statuses('banned')).toMatchObject({ me: '403', purse: '503 later', open: '200' });
  });

  it('are all 503 then where the application says so', async () => {
    store = new SharedRevocationStore();
    await start(platform, { onUnknown: 'refuse' });
    store.broken = true;
    await pass(12);
    expect(await statuses('asha')).toEqual(all('503 later'));
  });
});
