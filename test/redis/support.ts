import { setTimeout as wait } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { createClient } from 'redis';
import type { TokenFacts } from 'nestjs-nowgg-auth';
import { redisSharedCache, type RedisSharedCacheOptions } from 'nestjs-nowgg-auth/redis';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';

export type RedisWiring = ReturnType<typeof redisSharedCache>;
export type Cache = Awaited<ReturnType<RedisWiring['create']>>;

// Every fault would be a line in the report of the tests.
Logger.overrideLogger(false);

export const SEALING_KEY = Buffer.alloc(32, 7);

export interface CacheOptions {
  readonly clock?: OffsetClock;
  readonly sealingKey?: Uint8Array;
}

/** A cache as the module would create it. */
export async function createCache(
  source: RedisSharedCacheOptions | string,
  options: CacheOptions = {},
): Promise<Cache> {
  const wiring = redisSharedCache(typeof source === 'string' ? { url: source } : source);
  const { clock = new OffsetClock(), sealingKey = SEALING_KEY } = options;
  return wiring.create({ clock, sealingKey });
}

/** A cache that is connected. */
export async function connectedCache(
  source: RedisSharedCacheOptions | string,
  options: CacheOptions = {},
): Promise<Cache> {
  const cache = await createCache(source, options);
  await untilServing(cache);
  return cache;
}

let probes = 0;

/** Resolves when Redis can be reached and takes writes. */
export async function untilServing(cache: Cache): Promise<void> {
  await until(async () => {
    probes += 1;
    const key = keyOf(`probe ${process.pid} ${probes}`);
    const claimed = await cache.claim(key, 1_000);
    await cache.release(key);
    return claimed === 'acquired';
  });
}

/** Looks again and again, a thousand times at most. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 1_000; look += 1) {
    if (await condition()) return;
    await wait(5);
  }
  throw new Error('what a test waits for has not come');
}

/** A binary string as `cacheKey` makes it. */
export function keyOf(name: string): string {
  return `\u00ff\u0000${name}`.padEnd(32, '\u0080').slice(0, 32);
}

/** A client that looks at Redis from outside. */
export async function observer(url: string) {
  // Redis and all processes of a test share the machine: the usual 5 seconds do not mean a fault.
  const commandOptions = { timeout: 60_000 };
  const client = createClient({ url, RESP: 2, commandOptions, socket: { reconnectStrategy: 20 } });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

export function factsOf(overrides: Partial<TokenFacts> = {}): TokenFacts {
  return {
    provider: 'nowgg',
    clientKey: 'client-key',
    tokenType: 'token',
    userId: 'player-4711',
    issuer: 'https://now.gg',
    scopes: ['email', 'profile'],
    expiresAtMs: Date.now() + 3_600_000,
    email: 'ada@example.com',
    claims: { userId: 'player-4711', nested: { list: [1, 2] } },
    ...overrides,
  };
}
