import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CallRate, type LeaseCalls } from '../../libs/nowgg-auth/src/resilience/call-rate.js';
import { RedisKeys } from '../../libs/nowgg-auth/src/redis/redis-keys.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { type Cache, connectedCache, createCache, observer, SEALING_KEY, until } from './support.js';

const PROCESSES = 10;
const limits = { perSecond: 100, burst: 20 };
const need = { ...limits, wanted: 15, spent: 0 };
const KEY = new RedisKeys(SEALING_KEY).rate('client');
const KNOWN = { reserved: true };

let server: RedisServer;
let redis: Awaited<ReturnType<typeof observer>>;
let caches: Cache[];

beforeAll(async () => {
  server = await RedisServer.start();
  redis = await observer(server.url);
});
afterAll(async () => {
  redis.destroy();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushAll();
  caches = await Promise.all(Array.from({ length: PROCESSES }, () => connectedCache(server.url)));
});
afterEach(async () => {
  await Promise.all(caches.map((cache) => cache.close()));
});

const cacheOf = (process: number) => caches[process] as Cache;

describe('a lease of calls', () => {
  it('is given from one burst, whichever process asks', async () => {
    const leases = [];
    for (const cache of caches.slice(0, 4)) leases.push(await cache.leaseCalls('client', { ...need, perSecond: 1 }));
    expect(leases).toEqual([15, 5, 0, 0].map((calls, others) => ({ calls, processes: others + 1 })));
  });

  it('is given to processes that ask at the same time, or they ask again', async () => {
    const asked = await Promise.all(caches.map((cache) => cache.leaseCalls('client', { ...need, perSecond: 1 })));
    const calls = asked.reduce((sum, lease) => sum + (typeof lease === 'object' ? lease.calls : 0), 0);
    expect(calls).toBeGreaterThanOrEqual(15);
    expect(calls).toBeLessThanOrEqual(20);
  });

  it('belongs to one client', async () => {
    await cacheOf(0).leaseCalls('client', { ...need, perSecond: 1, wanted: 20 });
    expect(await cacheOf(1).leaseCalls('other', need)).toMatchObject({ calls: 15, processes: 1 });
  });

  it('is smaller by what a process has spent without one', async () => {
    await cacheOf(0).leaseCalls('client', { ...need, perSecond: 1, wanted: 1, spent: 12 });
    expect(await cacheOf(1).leaseCalls('client', { ...need, perSecond: 1 })).toMatchObject({ calls: 7 });
  });

  const planted: [string, () => Promise<unknown>][] = [
    ['a number', () => redis.set(KEY, '1e308')],
    ['readable JSON', () => redis.set(KEY, '{"atMs":0,"calls":1e9,"processes":{}}')],
    ['a long value', () => redis.set(KEY, 'x'.repeat(2 ** 20))],
    ['a list', () => redis.lPush(KEY, ['a', 'b'])],
    ['a hash', () => redis.hSet(KEY, 'calls', '1e9')],
    [
      'a value of another key',
      async () => {
        await cacheOf(1).leaseCalls('other', need);
        await redis.copy(new RedisKeys(SEALING_KEY).rate('other'), KEY, { REPLACE: true });
      },
    ],
  ];
  it.each(planted)('is not larger because of %s in its place, which is replaced', async (_, plant) => {
    await plant();
    expect(await cacheOf(0).leaseCalls('client', { ...need, perSecond: 1 })).toMatchObject({ calls: 0 });
    // The first one still wants as many.
    expect(await cacheOf(1).leaseCalls('client', { ...need, perSecond: 1_000_000 })).toMatchObject({ calls: 10 });
  });

  it('is not larger because another client removes the value', async () => {
    await cacheOf(0).leaseCalls('client', need);
    await redis.del(KEY);
    expect(await cacheOf(0).leaseCalls('client', { ...need, perSecond: 1 })).toMatchObject({ calls: 0 });
  });

  it('is not given while Redis is away, and is when it is back', async () => {
    const cache = await createCache('redis://127.0.0.1:1');
    expect(await cache.leaseCalls('client', need)).toBeUndefined();
    await cache.close();
  });
});

describe('the rate of processes on one Redis', () => {
  it('is kept from their first calls on, and used', async () => {
    const clock = new OffsetClock();
    const startedAt = clock.monotonicNow();
    const toldAt = caches.map(() => startedAt);
    const rates = caches.map((cache, process) => {
      const lease: LeaseCalls = async (asked) => {
        const askedAt = clock.monotonicNow();
        const answer = await cache.leaseCalls('client', asked);
        if (typeof answer === 'object') toldAt[process] = askedAt;
        return answer;
      };
      return new CallRate({ clock, limits, lease });
    });
    let calls = 0;
    await until(() => {
      for (const rate of rates) while (rate.take(KNOWN)) calls += 1;
      const now = clock.monotonicNow();
      const seconds = (now - startedAt) / 1_000;
      // In the first second there are leases only, and Redis counts milliseconds. Later, a process takes half of its
      // share without one: two calls, and what comes together until the others are told.
      const untold = (now - Math.min(...toldAt)) / 1_000;
      const ahead = seconds < 1 ? 1 : 2 * PROCESSES + (untold * limits.perSecond) / 2;
      expect(calls).toBeLessThanOrEqual(limits.burst + seconds * limits.perSecond + ahead);
      return calls >= 200;
    });
  });

  it('gives each process half of its part while another client overwrites it all the time', async () => {
    const clock = new OffsetClock();
    const [cache] = caches as [Cache];
    const rate = new CallRate({
      clock,
      limits,
      expectedInstances: 4,
      lease: (asked) => cache.leaseCalls('client', asked),
    });
    let calls = 0;
    await until(async () => {
      await redis.set(KEY, 'not ours');
      while (rate.take(KNOWN)) calls += 1;
      return calls >= 13;
    });
    expect(calls).toBeGreaterThanOrEqual(13);
  });
});
