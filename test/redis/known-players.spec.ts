import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import {
  memoryTokenStore,
  NowggAuthenticator,
  NowggAuthModule,
  NowggClock,
  NowggRevocationService,
  NowggTokenService,
  SharedCache,
} from 'nestjs-nowgg-auth';
import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { observer, until, untilServing } from './support.js';

jest.setTimeout(60_000);

const key = randomBytes(32).toString('base64');
const closing: (() => Promise<unknown>)[] = [];
let redisServer: RedisServer;
let redis: Awaited<ReturnType<typeof observer>>;
let emulator: NowggEmulator;
let clock: OffsetClock;

beforeAll(async () => {
  redisServer = await RedisServer.start();
  redis = await observer(redisServer.url);
});
beforeEach(async () => {
  emulator = await startNowggEmulator();
  clock = new OffsetClock();
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
  await emulator.close();
  await redis.flushAll();
});
afterAll(async () => {
  redis.destroy();
  await redisServer.stop();
});

/** A process of an application, connected to Redis. */
async function startInstance(clientSecret = 'demo-secret') {
  const auth = NowggAuthModule.forRoot({
    clientId: 'demo-client',
    clientSecret,
    baseUrl: emulator.url,
    tokens: { encryptionKeys: [{ id: 'k1', key }] },
    tokenStore: memoryTokenStore(),
    sharedCache: redisSharedCache({ url: redisServer.url }),
    strategyName: false,
  });
  const module = Test.createTestingModule({ imports: [auth] })
    .overrideProvider(NowggClock)
    .useValue(clock);
  const app = await (await module.compile()).init();
  closing.push(() => app.close());
  await untilServing(app.get(SharedCache));
  return {
    authenticator: app.get(NowggAuthenticator),
    tokens: app.get(NowggTokenService),
    revocations: app.get(NowggRevocationService),
  };
}

const verifications = () => emulator.requestCount('verify-token');

async function sharedVerdicts(): Promise<number> {
  return (await redis.keys('nowgg:v1:*')).filter((name) => !name.startsWith('nowgg:v1:claim')).length;
}

describe('the token that a process has just obtained', () => {
  it('is verified once in a sign-in and not again by the guards of any process', async () => {
    const [one, other] = [await startInstance(), await startInstance()];
    const { accessToken } = await one.tokens.exchangeCode(emulator.issueCode());
    expect(verifications()).toBe(1);
    for (const { authenticator } of [one, other]) {
      expect(await authenticator.authenticate(accessToken.token)).toMatchObject({ status: 'valid' });
    }
    expect(verifications()).toBe(1);
  });

  it('is not verified at its first use after a refresh, in any process, and says the same as a verification', async () => {
    const [one, other] = [await startInstance(), await startInstance()];
    const { grant, accessToken } = await one.tokens.exchangeCode(emulator.issueCode());
    // A later second: the tokens of one second have the same expiry.
    clock.advance(60_000);
    emulator.advanceClock(60_000);
    const { token } = await one.tokens.refresh(grant.id);
    expect(token).not.toBe(accessToken.token);
    await until(async () => (await sharedVerdicts()) === 2);
    const before = verifications();
    const primed = [await one.authenticator.authenticate(token), await other.authenticator.authenticate(token)];
    expect(verifications()).toBe(before);
    const verified = await one.authenticator.authenticate(token, { maxAgeMs: 0 });
    expect(verifications()).toBe(before + 1);
    expect(verified.status).toBe('valid');
    expect(primed).toEqual([verified, verified]);
  });
});

describe('a process with a wrong client secret', () => {
  it('serves the players whom others know, refuses two strangers, and takes no verdict from the others', async () => {
    const [right, wrong] = [await startInstance(), await startInstance('a mistyped secret')];
    const issue = () => emulator.issueTokens({ userId: emulator.addPlayer().userId }).token;
    const known = Array.from({ length: 10 }, issue);
    const verdicts = async ({ authenticator }: typeof right, tokens: readonly string[]) =>
      Promise.all(tokens.map(async (token) => (await authenticator.authenticate(token)).status));
    expect(new Set(await verdicts(right, known))).toEqual(new Set(['valid']));
    for (let step = 0; step < 24; step += 1) {
      clock.advance(5_000);
      emulator.advanceClock(5_000);
      // In each second step the process with the wrong secret asks first.
      for (const process of step % 2 === 0 ? [wrong, right] : [right, wrong]) {
        expect(new Set(await verdicts(process, known))).toEqual(new Set(['valid']));
      }
    }
    const strangers = Array.from({ length: 8 }, issue);
    const atWrong = await verdicts(wrong, strangers);
    expect(atWrong.filter((status) => status === 'invalid').length).toBeLessThanOrEqual(2);
    expect(atWrong).not.toContain('valid');
    expect(new Set(await verdicts(right, [...strangers, ...known]))).toEqual(new Set(['valid']));
  });
});

describe('a process that starts', () => {
  it('during an outage serves the players whom others know, and no banned one', async () => {
    const before = await startInstance();
    const [player, cheater] = [emulator.issueTokens().token, emulator.issueTokens({ userId: 'player-bjorn' }).token];
    for (const token of [player, cheater]) await before.authenticator.authenticate(token);
    clock.advance(120_000);
    emulator.setFault({ kind: 'status', endpoint: 'verify-token', status: 500 });
    const newcomer = await startInstance();
    await newcomer.revocations.revoke({ userId: 'player-bjorn', provider: 'nowgg' });
    expect(await newcomer.authenticator.authenticate(player)).toMatchObject({ status: 'valid' });
    expect(await newcomer.authenticator.authenticate(player, { allowStale: false })).toMatchObject({
      status: 'unknown',
    });
    expect(await newcomer.authenticator.authenticate(cheater)).toMatchObject({ reason: 'revoked_token' });
    expect(await newcomer.authenticator.authenticate(emulator.issueTokens().token)).toMatchObject({
      status: 'unknown',
    });
    clock.advance(210_000);
    expect(await newcomer.authenticator.authenticate(player)).toMatchObject({ status: 'unknown' });
  });

  it('together with nine others asks about each token once', async () => {
    const instances = [];
    for (let count = 0; count < 10; count += 1) instances.push(await startInstance());
    const tokens = Array.from({ length: 10 }, () => emulator.issueTokens().token);
    for (const token of tokens) {
      const verdicts = await Promise.all(instances.map(async ({ authenticator }) => authenticator.authenticate(token)));
      for (const verdict of verdicts) expect(verdict).toMatchObject({ status: 'valid' });
    }
    expect(verifications()).toBe(tokens.length);
  });
});
