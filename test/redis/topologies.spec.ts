import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NowggLog } from '../../libs/nowgg-auth/src/events/nowgg-log.js';
import { NowggConfigurationError, SystemClock } from 'nestjs-nowgg-auth';
import { redisSharedCache, type RedisSource } from 'nestjs-nowgg-auth/redis';
import { createClient, createCluster, createSentinel } from 'redis';
import { freePort } from '../support/servers/free-port.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { type Cache, connectedCache, createCache, factsOf, keyOf, observer, until } from './support.js';

const LIFETIME_MS = 30_000;
const caches: Cache[] = [];

afterEach(async () => {
  for (const cache of caches.splice(0)) await cache.close();
});

async function connected(useFactory: () => RedisSource): Promise<Cache> {
  const cache = await connectedCache({ useFactory });
  caches.push(cache);
  return cache;
}

/** Everything that the port can do, between two processes. */
async function expectSharing(first: Cache, second: Cache): Promise<void> {
  let hints = 0;
  second.onRevocation(() => {
    hints += 1;
  });
  await until(() => hints > 0);
  const before = hints;
  const keys: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    const key = await claimed(first, name);
    await until(async () => (await second.claim(key, 3_000)) === 'held');
    await first.write(
      key,
      { facts: factsOf({ userId: name }), ageMs: 0, lifeMs: 30_000, isVerified: true },
      LIFETIME_MS,
    );
    await until(async () => (await second.read(key))?.facts.userId === name);
    await first.release(key);
    keys.push(key);
  }
  await first.announceRevocation();
  await until(() => hints > before);
  const last = keys.at(-1) ?? '';
  // A removal that exceeds its 25 ms on a busy machine is tried again, as the claims are.
  await until(async () => {
    await second.remove(keys);
    return (await first.read(last)) === undefined;
  });
  expect(await first.read(last)).toBeUndefined();
}

/**
 * Claims a key whose name begins like this. On a busy machine an operation can exceed its 25 ms, which says nothing about
 * the topology: then another key is tried.
 */
async function claimed(cache: Cache, name: string): Promise<string> {
  let attempts = 0;
  let key = '';
  await until(async () => {
    attempts += 1;
    key = keyOf(`${name} ${attempts}`);
    const outcome = await cache.claim(key, 3_000);
    if (outcome !== 'unavailable') expect(outcome).toBe('acquired');
    return outcome === 'acquired';
  });
  return key;
}

describe('a shared cache on', () => {
  it('a client of the application leaves that client alone', async () => {
    await using server = await RedisServer.start();
    const client = createClient({ url: server.url });
    const cache = await connected(() => client);
    await expectSharing(cache, await connected(() => client));
    expect(client.isOpen).toBe(false);
    await client.connect();
    await cache.close();
    expect(await client.ping()).toBe('PONG');
    client.destroy();
  });

  it('a client that maps replies and prefixes keys works and keeps the prefix', async () => {
    await using server = await RedisServer.start();
    const client = createClient({
      url: server.url,
      keyPrefix: 'game:',
      commandOptions: { typeMapping: { 36: Buffer, 58: String } },
      clientSideCache: { ttl: 0, maxEntries: 10, evictPolicy: 'LRU' },
    });
    const cache = await connected(() => client);
    await expectSharing(cache, await connected(() => client));
    await cache.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    const redis = await observer(server.url);
    expect((await redis.keys('*')).every((key) => key.startsWith('game:nowgg:v1:'))).toBe(true);
    redis.destroy();
  });

  it('a cluster works with every key on its own node', async () => {
    const dirs = await Promise.all([0, 1].map(() => mkdtemp(path.join(tmpdir(), 'nowgg-cluster-'))));
    const busPorts = await Promise.all([freePort(), freePort()]);
    const servers = await Promise.all(
      dirs.map((dir, index) =>
        RedisServer.start({ dir, args: ['--cluster-enabled', 'yes', '--cluster-port', String(busPorts[index])] }),
      ),
    );
    const [first, second] = await Promise.all(servers.map((server) => observer(server.url)));
    await first?.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '8191']);
    await second?.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '8192', '16383']);
    await first?.sendCommand(['CLUSTER', 'MEET', '127.0.0.1', String(servers[1]?.port), String(busPorts[1])]);
    const isWhole = async () => (await first?.sendCommand<string>(['CLUSTER', 'INFO']))?.includes('cluster_state:ok');
    await until(async () => (await isWhole()) === true);
    const cluster = createCluster({ rootNodes: servers.map(({ url }) => ({ url })) });
    await expectSharing(await connected(() => cluster), await connected(() => cluster));
    expect(await first?.dbSize()).toBeGreaterThan(0);
    expect(await second?.dbSize()).toBeGreaterThan(0);
    for (const client of [first, second]) client?.destroy();
    for (const cache of caches.splice(0)) await cache.close();
    for (const server of servers) await server.kill();
    for (const dir of dirs) await rm(dir, { recursive: true });
  }, 30_000);

  it('a sentinel finds the primary', async () => {
    const dir = await mkdtemp(path.join(tmpdir(), 'nowgg-sentinel-'));
    await using primary = await RedisServer.start();
    const port = await freePort();
    const config = path.join(dir, 'sentinel.conf');
    await writeFile(config, `port ${port}\nsentinel monitor game 127.0.0.1 ${primary.port} 1\n`);
    await using sentinel = await RedisServer.start({ port, sentinelConfig: config, readyLine: /\+monitor/ });
    const client = createSentinel({
      name: 'game',
      sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
    });
    await expectSharing(await connected(() => client), await connected(() => client));
    const redis = await observer(primary.url);
    await redis.flushAll();
    await caches[0]?.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    expect(await redis.dbSize()).toBe(1);
    redis.destroy();
    for (const cache of caches.splice(0)) await cache.close();
    await rm(dir, { recursive: true });
  }, 30_000);

  it('nothing at all retries until there is a cluster, and can be closed meanwhile', async () => {
    const url = `redis://127.0.0.1:${await freePort()}`;
    const cache = await createCache({ useFactory: () => createCluster({ rootNodes: [{ url }] }) });
    expect(await cache.claim(keyOf('a'), 1_000)).toBe('unavailable');
    await cache.close();
  });
});

describe('the log', () => {
  it('names a refused password once and never shows it', async () => {
    const lines: string[] = [];
    const write = (line: string) => lines.push(line);
    const log = new NowggLog(new SystemClock(), { log: write, warn: write, error: write });
    log.onModuleInit();
    await using server = await RedisServer.start({ args: ['--requirepass', 'right-one'] });
    const cache = await createCache(`redis://:wrong-secret@127.0.0.1:${server.port}`);
    caches.push(cache);
    await until(() => lines.length > 0);
    expect(await cache.claim(keyOf('a'), 1_000)).toBe('unavailable');
    log.onApplicationShutdown();
    expect(lines).toEqual(['shared_cache_unavailable: Redis cannot be reached: verdicts are not shared [WRONGPASS]']);
  });
});

describe('redisSharedCache refuses', () => {
  const create = (source: unknown) => createCache({ useFactory: () => source as RedisSource });

  it.each([
    ['nothing', undefined],
    ['an address without a protocol', { url: 'localhost:6379' }],
    ['another protocol', { url: 'https://user:secret@cache.example' }],
    ['what is no url', { url: 'redis://a:secret@[' }],
    ['what is no client', { get: () => undefined }],
  ])('%s, without repeating it', async (_, source) => {
    const refusal = create(source);
    await expect(refusal).rejects.toThrow(NowggConfigurationError);
    await expect(refusal).rejects.not.toThrow(/secret|localhost/);
  });

  it('an empty url when the module is declared', () => {
    expect(() => redisSharedCache({ url: '' })).toThrow(NowggConfigurationError);
  });
});
