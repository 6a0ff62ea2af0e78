import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ProofReplays } from '../../libs/nowgg-auth/src/verification/possession/proof-replays.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { type Cache, connectedCache, factsOf, keyOf } from './support.js';

const LIFE_MS = 65_000;

describe('a proof of possession', () => {
  const clock = new OffsetClock();
  let server: RedisServer;
  let caches: Cache[];

  beforeAll(async () => {
    server = await RedisServer.start();
    caches = [await connectedCache(server.url, { clock }), await connectedCache(server.url, { clock })];
  });
  afterAll(async () => {
    for (const cache of caches) await cache.close();
    await server.stop();
  });

  it('is demanded of a verdict that another process has shared: it keeps the confirmation of its token', async () => {
    const facts = factsOf({ claims: Object.freeze({ cnf: Object.freeze({ jkt: 'k'.repeat(43) }) }) });
    await caches[0]?.write(keyOf('bound'), { facts, ageMs: 0, lifeMs: 30_000, isVerified: true }, 30_000);
    expect((await caches[1]?.read(keyOf('bound')))?.facts.claims).toEqual({ cnf: { jkt: 'k'.repeat(43) } });
  });

  it('is remembered for its life, and not for ever', async () => {
    const replays = new ProofReplays(clock, undefined);
    for (let passedMs = 0; passedMs < 10 * LIFE_MS; passedMs += 7_000) {
      const id = `at ${passedMs}`;
      expect(await replays.use('key', id, LIFE_MS)).toBe('first');
      expect(await replays.use('key', id, LIFE_MS)).toBe('replayed');
      const earlier = passedMs < 63_000 ? id : `at ${passedMs - 63_000}`;
      expect(await replays.use('key', earlier, LIFE_MS)).toBe('replayed');
      clock.advance(7_000);
    }
    expect(await replays.use('key', 'at 0', LIFE_MS)).toBe('first');
  });

  it('is used once by processes that share a cache, and once by each while it is away', async () => {
    const [one, other] = caches.map((cache) => new ProofReplays(clock, cache)) as [ProofReplays, ProofReplays];
    expect(await one.use('key', 'a', LIFE_MS)).toBe('first');
    expect(await other.use('key', 'a', LIFE_MS)).toBe('replayed');
    expect(await other.use('another key', 'a', LIFE_MS)).toBe('first');
    const together = [one, other, one, other].map(async (process) => process.use('key', 'b', LIFE_MS));
    expect((await Promise.all(together)).filter((use) => use === 'first')).toHaveLength(1);
    await server.stop();
    expect(await one.use('key', 'c', LIFE_MS)).toBe('first');
    expect(await one.use('key', 'c', LIFE_MS)).toBe('replayed');
  });
});
