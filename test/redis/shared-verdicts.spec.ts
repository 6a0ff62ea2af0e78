import { createHash, randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { type INestApplication, Module } from '@nestjs/common';
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { createClient } from 'redis';
import { NowggAuthModule, type NowggAuthModuleOptions, NowggConfigurationError, SharedCache } from 'nestjs-nowgg-auth';
import { introspection, oauth2 } from 'nestjs-nowgg-auth/oauth2';
import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
import { RedisKeys } from '../../libs/nowgg-auth/src/redis/redis-keys.js';
import { ownSealingKey } from '../../libs/nowgg-auth/src/redis/sealing-key.js';
import { IdentityProviders } from '../../libs/nowgg-auth/src/identity/identity-providers.js';
import { type Platform, platforms } from '../support/game/app-under-test.js';
import { GuardedRoutes, HandlerRuns } from '../support/game/guarded-routes.js';
import { acceptAny, CLIENT_ID, jws, refused, tokenClaims } from '../support/game/now-gg-messages.js';
import { json } from '../support/raw-http/raw-answers.js';
import { call } from '../support/raw-http/raw-client.js';
import { RawPeer } from '../support/raw-http/raw-peer.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { observer, untilServing } from './support.js';
import { questionKey } from '../../libs/nowgg-auth/src/verification/cache/verdict-cache.js';
import { tokenDigest } from '../../libs/nowgg-auth/src/identity/token-text.js';

jest.setTimeout(60_000);

const key = createHash('sha256').update('of all applications').digest('base64');
let server: RedisServer;
let redis: Awaited<ReturnType<typeof observer>>;
const closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  server = await RedisServer.start();
  redis = await observer(server.url);
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await redis.flushAll();
});
afterAll(async () => {
  redis.destroy();
  await server.stop();
});

async function peerOf(): Promise<RawPeer> {
  const peer = await RawPeer.start();
  closing.push(() => peer[Symbol.asyncDispose]());
  return peer;
}

/** An application on the Redis and the key of all. */
async function application(platform: Platform, options: NowggAuthModuleOptions): Promise<INestApplication> {
  const auth = NowggAuthModule.forRoot({
    tokens: { encryptionKeys: [{ id: 'k1', key }] },
    sharedCache: redisSharedCache({ url: server.url }),
    strategyName: false,
    ...options,
  });
  @Module({ imports: [auth], controllers: [GuardedRoutes], providers: [HandlerRuns] })
  class GameModule {}
  const adapter: AbstractHttpAdapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(GameModule, adapter, { logger: false, abortOnError: false });
  closing.push(() => app.close());
  await app.listen(0, '127.0.0.1');
  if (options.sharedCache !== undefined || !('sharedCache' in options)) await untilServing(app.get(SharedCache));
  return app;
}

async function statusOf(app: INestApplication, token: string): Promise<number> {
  const { port } = app.getHttpServer().address() as AddressInfo;
  return (await call(port, { path: '/guarded', headers: [['Authorization', `Bearer ${token}`]] })).status;
}

const tokenOf = () => jws(tokenClaims(), randomBytes(24).toString('base64url'));

describe.each(platforms)('on %s', (platform) => {
  it('a token of one client is refused at another one after its own application has accepted it', async () => {
    const system = await peerOf();
    system.alwaysAnswer(
      json(200, { active: true, client_id: 'game-a', sub: 'alice', token_type: 'Bearer', scope: 'email admin' }),
    );
    const title = (clientId: string) =>
      application(platform, {
        identityProviders: [
          oauth2({
            name: 'web',
            clientId,
            clientSecret: 'secret',
            issuer: system.url,
            endpoints: { introspection: `${system.url}/introspect` },
            verification: introspection(),
          }),
        ],
      });
    const [own, other] = [await title('game-a'), await title('game-b')];
    const token = randomBytes(24).toString('base64url');
    expect(await statusOf(other, token)).toBe(401);
    expect(await statusOf(own, token)).toBe(200);
    expect(await statusOf(other, token)).toBe(401);
    expect(await statusOf(own, token)).toBe(200);
  });

  it('a token that a stand-in accepts is refused in production, with the same client, secret, Redis and key', async () => {
    const [staging, production] = [await peerOf(), await peerOf()];
    staging.alwaysAnswer(acceptAny);
    production.alwaysAnswer(json(200, refused()));
    const client = { clientId: CLIENT_ID, clientSecret: 'secret' };
    const trial = await application(platform, { ...client, baseUrl: staging.url });
    const live = await application(platform, { ...client, baseUrl: production.url });
    const token = tokenOf();
    expect(await statusOf(trial, token)).toBe(200);
    expect(await statusOf(live, token)).toBe(401);
  });

  it('processes with the old and the new client secret ask once, with a ring or a key of the cache itself', async () => {
    const system = await peerOf();
    system.alwaysAnswer(acceptAny);
    const client = { clientId: CLIENT_ID, baseUrl: system.url };
    for (const options of [{}, { tokens: undefined, sharedCache: redisSharedCache({ url: server.url, key }) }]) {
      const before = await application(platform, {
        ...client,
        clientSecret: 'old',
        ...options,
      } as NowggAuthModuleOptions);
      const after = await application(platform, {
        ...client,
        clientSecret: 'new',
        ...options,
      } as NowggAuthModuleOptions);
      const [one, other] = [tokenOf(), tokenOf()];
      const asked = system.requests.length;
      const order = [before, after, after, before] as const;
      const statuses: number[] = [];
      for (const [index, app] of order.entries()) statuses.push(await statusOf(app, index < 2 ? one : other));
      expect([statuses, system.requests.length - asked]).toEqual([[200, 200, 200, 200], 2]);
    }
  });

  it('processes with the old and the new first key verify side by side, each with its own verdicts', async () => {
    const system = await peerOf();
    system.alwaysAnswer(acceptAny);
    const client = { clientId: CLIENT_ID, clientSecret: 'secret', baseUrl: system.url };
    const [old, recent] = [
      { id: 'k1', key },
      { id: 'k2', key: randomBytes(32).toString('base64') },
    ];
    const first = { ...client, tokens: { encryptionKeys: [old, recent] } };
    const second = { ...client, tokens: { encryptionKeys: [recent, old] } };
    const apps = await Promise.all([first, first, second, second].map((options) => application(platform, options)));
    for (let round = 0; round < 20; round += 1) {
      const token = tokenOf();
      const asked = system.requests.length;
      const statuses: number[] = [];
      for (const app of apps) statuses.push(await statusOf(app, token));
      expect([statuses, system.requests.length - asked]).toEqual([[200, 200, 200, 200], 2]);
    }
  });

  it('a claim planted under the right name does not hold up the first use', async () => {
    const system = await peerOf();
    system.alwaysAnswer(acceptAny);
    const options = {
      tokens: undefined,
      sharedCache: redisSharedCache({ url: server.url, key }),
      clientId: CLIENT_ID,
      clientSecret: 'secret',
      baseUrl: system.url,
    } as unknown as NowggAuthModuleOptions;
    const app = await application(platform, options);
    const token = tokenOf();
    const scope = app.get(IdentityProviders).verdictScope;
    const names = new RedisKeys(ownSealingKey(key) as Uint8Array);
    const asked = `${scope}/${questionKey('nowgg', { tokenType: 'token', digest: tokenDigest(token) })}`;
    const claim = names.claim(asked);
    await redis.set(claim, 'planted', { expiration: { type: 'PX', value: 3_600_000 } });
    const polls = await commandCount('get');
    expect(await statusOf(app, token)).toBe(200);
    // It was not waited for: a wait looks for the verdict again and again.
    expect((await commandCount('get')) - polls).toBeLessThanOrEqual(2);
    expect(await redis.exists(claim)).toBe(1);
    expect(await redis.pTTL(claim)).toBeLessThanOrEqual(250);
    expect(await redis.exists(names.verdict(asked))).toBe(1);
  });
});

describe('an application with a shared cache', () => {
  const client = { clientId: CLIENT_ID, clientSecret: 'secret' };
  const boot = (sharedCache: ReturnType<typeof redisSharedCache>) =>
    application('express', { ...client, tokens: undefined, sharedCache } as unknown as NowggAuthModuleOptions);

  it('does not start without a key, though it has a client secret, and says what to write', async () => {
    const refusal = boot(redisSharedCache({ url: server.url }));
    await expect(refusal).rejects.toThrow(NowggConfigurationError);
    await expect(refusal).rejects.toThrow(/redisSharedCache\(\{ url, key \}\).*32 random bytes in base64/);
  });

  it.each([
    ['beside its factory', () => redisSharedCache({ key, useFactory: () => ({ url: server.url }) })],
    ['beside the url of its factory', () => redisSharedCache({ useFactory: () => ({ url: server.url, key }) })],
    [
      'beside the client of its factory',
      () => redisSharedCache({ useFactory: () => ({ client: createClient({ url: server.url }), key }) }),
    ],
  ])('starts with a key %s', async (_, wiring) => {
    await expect(boot(wiring())).resolves.toBeDefined();
  });

  it('does not start when its factory gives a weak key', async () => {
    const weak = Buffer.alloc(32).toString('base64');
    const refusal = boot(redisSharedCache({ useFactory: () => ({ url: server.url, key: weak }) }));
    await expect(refusal).rejects.toThrow('redisSharedCache key has too few different bytes');
  });
});

async function commandCount(name: string): Promise<number> {
  const stats = await redis.info('commandstats');
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}
