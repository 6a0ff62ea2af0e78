import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REDIS_REVOCATION_CHANNEL } from '../../libs/nowgg-auth/src/redis/redis-keys.js';
import { RevocationFeed } from '../../libs/nowgg-auth/src/revocation/revocation-feed.js';
import { ManualClock } from '../../libs/nowgg-auth/src/testing-support/manual-clock.js';
import { SharedRevocationStore } from '../../libs/nowgg-auth/src/testing-support/shared-revocation-store.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { connectedCache, observer, until } from './support.js';

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(async () => server.stop());

describe('hints of revocations by Redis', () => {
  it('cost at most one reading in 50 ms, however many are published, and the last one is heard', async () => {
    const cache = await connectedCache(server.url);
    const store = new SharedRevocationStore();
    const clock = new ManualClock();
    const feed = new RevocationFeed(store, clock, cache);
    await feed.start();
    const flood = await observer(server.url);
    let heard = 0;
    const end = cache.onRevocation(() => {
      heard += 1;
    });
    try {
      await flood.publish(REDIS_REVOCATION_CHANNEL, '');
      await until(() => heard > 0);
      const [readBefore, heardBefore] = [store.reads, heard];
      for (let step = 1; step <= 10; step += 1) {
        await Promise.all(Array.from({ length: 1_000 }, async () => flood.publish(REDIS_REVOCATION_CHANNEL, '')));
        await until(() => heard >= heardBefore + step * 1_000);
        clock.advance(50);
        await until(() => store.reads >= readBefore + step);
      }
      // One for each 50 ms that passed, and one that may have been due when the flood began.
      expect(store.reads).toBeLessThanOrEqual(readBefore + 11);
    } finally {
      end();
      await flood.close();
      await feed.close();
      await cache.close();
    }
  });
});
