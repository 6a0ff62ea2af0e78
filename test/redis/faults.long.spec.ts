import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisServer } from '../support/servers/redis-server.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { type TcpFault, TcpFaultProxy } from '../support/servers/tcp-fault-proxy.js';
import { type Cache, connectedCache, createCache, factsOf, keyOf, observer, until, untilServing } from './support.js';

const LIFETIME_MS = 30_000;
const verdict = { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true };

let clock: OffsetClock;
const caches: Cache[] = [];

async function cacheAt(url: string): Promise<Cache> {
  const cache = await connectedCache(url, { clock });
  caches.push(cache);
  return cache;
}

/** Every operation ends, and none of them says more than *unknown*. */
async function expectOnlyMisses(cache: Cache): Promise<void> {
  expect(await cache.read(keyOf('a'))).toBeUndefined();
  expect(await cache.claim(keyOf('a'), 3_000)).toBe('unavailable');
  await cache.write(keyOf('a'), verdict, LIFETIME_MS);
  await cache.release(keyOf('a'));
  await cache.remove([keyOf('a'), keyOf('b')]);
  await cache.announceRevocation();
}

/** Writes and looks until the verdict is seen. @returns its user id */
async function untilHit(cache: Cache, key: string): Promise<string> {
  let userId = '';
  await until(async () => {
    // Pauses end by the clock, and tests do not wait for them.
    clock.advance(1_000);
    await cache.write(key, { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    userId = (await cache.read(key))?.facts.userId ?? '';
    return userId !== '';
  });
  return userId;
}

/** Reads what is there until it is served: on a busy machine a single read may exceed its time. */
async function untilServed(cache: Cache, key: string): Promise<void> {
  await until(async () => (await cache.read(key)) !== undefined);
}

beforeEach(() => {
  clock = new OffsetClock();
});
afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.close();
});

describe('a Redis', () => {
  let server: RedisServer;

  beforeEach(async () => {
    server = await RedisServer.start();
  });
  afterEach(() => server.kill());

  it('that is down at boot delays no request and is used once it is there', async () => {
    await server.stop();
    const cache = await createCache(server.url, { clock });
    caches.push(cache);
    await expectOnlyMisses(cache);
    await server.start();
    await untilServing(cache);
    // On a busy machine a single operation may exceed its time.
    expect(await untilHit(cache, keyOf('a'))).not.toBe('');
  });

  it('that is killed is a miss until it is back', async () => {
    const cache = await cacheAt(server.url);
    await cache.write(keyOf('a'), verdict, LIFETIME_MS);
    await server.kill();
    await until(async () => (await cache.read(keyOf('a'))) === undefined);
    await expectOnlyMisses(cache);
    await server.start();
    await untilHit(cache, keyOf('b'));
    expect(await cache.read(keyOf('a'))).toBeUndefined();
  });

  it('that is frozen delays the first operations only, and serves again when it goes on', async () => {
    const cache = await cacheAt(server.url);
    server.freeze();
    await expectOnlyMisses(cache);
    // At 25 ms each these would take longer than a test may.
    for (let index = 0; index < 2_000; index += 1) expect(await cache.read(keyOf('a'))).toBeUndefined();
    server.thaw();
    await untilHit(cache, keyOf('b'));
  });

  it('that stays frozen is given another connection, which serves when it goes on', async () => {
    const cache = await cacheAt(server.url);
    server.freeze();
    await expectOnlyMisses(cache);
    clock.advance(1_000);
    await expectOnlyMisses(cache);
    server.thaw();
    await untilServing(cache);
    expect(await cache.claim(keyOf('a'), 3_000)).toBe('acquired');
  });

  it('that grants a claim too late gets it back', async () => {
    const cache = await cacheAt(server.url);
    server.freeze();
    expect(await cache.claim(keyOf('a'), 3_600_000)).toBe('unavailable');
    server.thaw();
    await until(async () => (await cache.claim(keyOf('a'), 3_600_000)) === 'acquired');
  });

  it('that is full goes on serving what it has', async () => {
    const cache = await cacheAt(server.url);
    const redis = await observer(server.url);
    await cache.write(keyOf('a'), verdict, LIFETIME_MS);
    await redis.configSet('maxmemory', '1');
    for (let attempt = 0; attempt < 20; attempt += 1) {
      expect(await cache.claim(keyOf('b'), 3_000)).toBe('unavailable');
      await cache.write(keyOf('b'), verdict, LIFETIME_MS);
      await untilServed(cache, keyOf('a'));
      expect(await cache.read(keyOf('b'))).toBeUndefined();
    }
    redis.destroy();
  });

  it('that takes no writes goes on serving what it has', async () => {
    const primary = await cacheAt(server.url);
    await primary.write(keyOf('a'), verdict, LIFETIME_MS);
    await using replica = await RedisServer.start({ args: ['--replicaof', '127.0.0.1', String(server.port)] });
    const cache = await createCache(replica.url, { clock });
    caches.push(cache);
    await until(async () => (await cache.read(keyOf('a'))) !== undefined);
    for (let attempt = 0; attempt < 20; attempt += 1) {
      expect(await cache.claim(keyOf('b'), 3_000)).toBe('unavailable');
      await cache.write(keyOf('b'), verdict, LIFETIME_MS);
      await cache.remove([keyOf('a')]);
      await untilServed(cache, keyOf('a'));
      expect(await cache.read(keyOf('b'))).toBeUndefined();
    }
    expect(await primary.read(keyOf('b'))).toBeUndefined();
  });

  it('that was restored from an old copy brings no old verdict back', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'nowgg-redis-'));
    await server.stop();
    const kept = await RedisServer.start({ dir });
    const cache = await cacheAt(kept.url);
    await cache.write(keyOf('a'), verdict, LIFETIME_MS);
    const redis = await observer(kept.url);
    await redis.sendCommand(['SAVE']);
    redis.destroy();
    await kept.kill();
    clock.advance(LIFETIME_MS);
    await kept.start();
    await until(async () => (await cache.claim(keyOf('c'), 1)) !== 'unavailable');
    expect(await cache.read(keyOf('a'))).toBeUndefined();
    await kept.kill();
    await rm(dir, { recursive: true });
  });

  it('whose connections are all cut gives hints again, and one more for those that were missed', async () => {
    const cache = await cacheAt(server.url);
    let hints = 0;
    cache.onRevocation(() => {
      hints += 1;
    });
    await until(() => hints === 1);
    await server.kill();
    await server.start();
    await until(() => hints === 2);
    await untilServing(cache);
    await cache.announceRevocation();
    await until(() => hints > 2);
    expect(hints).toBe(3);
  });
});

describe('a network that', () => {
  let server: RedisServer;
  let proxy: TcpFaultProxy;
  let redis: Awaited<ReturnType<typeof observer>>;

  beforeAll(async () => {
    server = await RedisServer.start();
    redis = await observer(server.url);
  });
  afterAll(async () => {
    redis.destroy();
    await server.stop();
  });
  beforeEach(async () => {
    proxy = await TcpFaultProxy.start({ port: server.port });
  });
  afterEach(() => proxy.close());

  const proxied = () => `redis://127.0.0.1:${proxy.port}`;
  const faults: [string, TcpFault][] = [
    // Longer than a busy machine may keep this process: a reply that has arrived meanwhile counts.
    ['delays', { mode: 'delay', ms: 500 }],
    ['drips', { mode: 'drip', ms: 10 }],
    ['swallows everything', { mode: 'blackHole' }],
    ['closes one half', { mode: 'halfClose' }],
    ['resets', { mode: 'reset' }],
    ['cuts in the middle of a reply', { mode: 'cutAfter', bytes: 2 }],
    ['corrupts', { mode: 'corrupt' }],
  ];

  it.each(faults)('%s is a miss, and Redis serves when that is over', async (_, fault) => {
    const cache = await cacheAt(proxied());
    await cache.write(keyOf('a'), verdict, LIFETIME_MS);
    proxy.switchTo(fault);
    for (let attempt = 0; attempt < 10; attempt += 1) await expectOnlyMisses(cache);
    proxy.switchTo('pass');
    expect(await untilHit(cache, keyOf('b'))).toBe(verdict.facts.userId);
  });

  it('is slow is asked five times and then only now and then', async () => {
    const cache = await cacheAt(proxied());
    const readsBefore = await commandCount('get');
    proxy.switchTo({ mode: 'delay', ms: 40 });
    await until(async () => {
      await cache.read(keyOf('a'));
      return (await commandCount('get')) - readsBefore >= 5;
    });
    for (let index = 0; index < 2_000; index += 1) expect(await cache.read(keyOf('a'))).toBeUndefined();
    expect((await commandCount('get')) - readsBefore).toBeLessThanOrEqual(8);
  });

  it('swallows hints is noticed, and one is given when listening goes on', async () => {
    const cache = await cacheAt(proxied());
    let hints = 0;
    cache.onRevocation(() => {
      hints += 1;
    });
    await until(() => hints === 1);
    proxy.switchTo('blackHole');
    // One connection for commands and one for hints; both are made anew.
    await until(() => proxy.connectionCount >= 4);
    proxy.switchTo('pass');
    await until(() => hints > 1);
    expect(hints).toBe(2);
  }, 15_000);

  it('mixes up the replies of a connection serves no wrong verdict', async () => {
    const cache = await cacheAt(proxied());
    const names = ['mixed a', 'mixed b', 'mixed c', 'mixed d'];
    for (const name of names) {
      await cache.write(
        keyOf(name),
        { facts: factsOf({ userId: name }), ageMs: 0, lifeMs: 30_000, isVerified: true },
        LIFETIME_MS,
      );
    }
    proxy.switchTo('corrupt');
    await cache.read(keyOf('mixed a'));
    proxy.switchTo('pass');
    const wrong: unknown[] = [];
    await until(async () => {
      clock.advance(1_000);
      const verdicts = await Promise.all(names.map((name) => cache.read(keyOf(name))));
      wrong.push(...verdicts.filter((found, index) => found && found.facts.userId !== names[index]));
      return verdicts.some((found) => found !== undefined);
    });
    expect(wrong).toEqual([]);
  });

  async function commandCount(name: string): Promise<number> {
    const stats = await redis.info('commandstats');
    return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  }
});
