import { randomBytes } from 'node:crypto';
import { createClient } from 'redis';
import { SystemClock } from '../../libs/nowgg-auth/src/clock.js';
import { tokenDigest } from '../../libs/nowgg-auth/src/identity/token-text.js';
import { redisSharedCache } from '../../libs/nowgg-auth/src/redis/redis-shared-cache-wiring.js';
import { questionKey } from '../../libs/nowgg-auth/src/verification/cache/verdict-cache.js';
import { RedisServer } from '../../test/support/servers/redis-server.js';
import { issuedTokens } from './simulation.js';

const VERDICTS = 5_000;
const BATCH = 10;
const KEPT_MS = 600_000;

/** Memory of one verdict about a token of now.gg with the documented claims, from the memory that Redis says it uses. */
export async function bytesPerSharedVerdict(): Promise<number> {
  await using server = await RedisServer.start();
  const cache = await redisSharedCache({ url: server.url }).create({
    clock: new SystemClock(),
    sealingKey: randomBytes(32),
  });
  const observer = createClient({ url: server.url });
  await observer.connect();
  const usedBytes = async () => Number(/used_memory:(\d+)/.exec(await observer.info('memory'))?.[1]);
  const tokens = issuedTokens(VERDICTS + 1);
  const write = ({ text, facts }: (typeof tokens)[number]) => {
    const key = `${'s'.repeat(43)}/${questionKey('nowgg', { tokenType: 'token', digest: tokenDigest(text) })}`;
    return cache.write(key, { facts, ageMs: 0, lifeMs: 300_000, isVerified: true }, KEPT_MS);
  };
  // Connects, and lets Redis allocate what it needs once.
  const [firstToken, ...others] = tokens as [(typeof tokens)[number], ...typeof tokens];
  while ((await observer.dbSize()) === 0) await write(firstToken);
  const before = await usedBytes();
  for (let first = 0; first < VERDICTS; first += BATCH) {
    await Promise.all(others.slice(first, first + BATCH).map(write));
  }
  const written = (await observer.dbSize()) - 1;
  const bytes = Math.round(((await usedBytes()) - before) / written);
  if (written < VERDICTS * 0.99) throw new Error('Redis was too slow: run the measurement again');
  observer.destroy();
  await cache.close();
  return bytes;
}
