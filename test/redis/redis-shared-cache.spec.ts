import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisServer } from '../support/servers/redis-server.js';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { VerdictSeal } from '../../libs/nowgg-auth/src/redis/verdict-seal.js';
import { RedisKeys } from '../../libs/nowgg-auth/src/redis/redis-keys.js';
import { type Cache, connectedCache, factsOf, keyOf, observer, SEALING_KEY, until } from './support.js';

const LIFETIME_MS = 30_000;
const keys = new RedisKeys(SEALING_KEY);
const VERDICT_KEY = keys.verdict(keyOf('a'));

let server: RedisServer;
let redis: Awaited<ReturnType<typeof observer>>;
let clock: OffsetClock;
let writer: Cache;
let reader: Cache;

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
  clock = new OffsetClock();
  writer = await connectedCache(server.url, { clock });
  reader = await connectedCache(server.url, { clock });
});
afterEach(async () => {
  await writer.close();
  await reader.close();
});

describe('a shared verdict', () => {
  it('reaches another process with everything that was established, frozen', async () => {
    const facts = factsOf({ authTimeMs: 1_000, name: 'Ada', sessionId: 's-1' });
    await writer.write(keyOf('a'), { facts, ageMs: 120, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    const verdict = await reader.read(keyOf('a'));
    expect(verdict?.facts).toEqual(facts);
    expect(verdict?.ageMs).toBeGreaterThanOrEqual(120);
    expect(Object.isFrozen(verdict?.facts)).toBe(true);
    expect(Object.isFrozen(verdict?.facts.scopes)).toBe(true);
    expect(Object.isFrozen(verdict?.facts.claims.nested)).toBe(true);
  });

  it('is a miss under every other key', async () => {
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    expect(await reader.read(keyOf('b'))).toBeUndefined();
  });

  it('may have a key of any length', async () => {
    const key = `${'\u00e9'.repeat(100)}${keyOf('long')}`;
    await writer.write(key, { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    expect(await reader.read(key)).toBeDefined();
  });

  it('shows nothing about the player in Redis and ends by itself', async () => {
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    expect(await redis.keys('*')).toContain(VERDICT_KEY);
    const stored = await redis.withTypeMapping({ 36: Buffer }).get(VERDICT_KEY);
    for (const secret of ['player-4711', 'ada@example.com', 'nowgg', 'client-key', 'expiresAtMs']) {
      expect(stored?.includes(secret)).toBe(false);
    }
    expect(await redis.pTTL(VERDICT_KEY)).toBeGreaterThan(0);
    expect(await redis.pTTL(VERDICT_KEY)).toBeLessThanOrEqual(LIFETIME_MS);
  });

  it('is gone after it was removed', async () => {
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    await writer.write(keyOf('b'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    await reader.remove([keyOf('a'), keyOf('b'), keyOf('c')]);
    expect(await writer.read(keyOf('a'))).toBeUndefined();
    expect(await writer.read(keyOf('b'))).toBeUndefined();
  });

  it.each([0, -1, Number.NaN, 0.5])('is not kept with a lifetime of %s ms', async (lifetimeMs) => {
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, lifetimeMs);
    expect(await redis.exists(VERDICT_KEY)).toBe(0);
  });
});

describe('the age of a shared verdict', () => {
  beforeEach(() =>
    writer.write(keyOf('a'), { facts: factsOf(), ageMs: 1_000, lifeMs: 30_000, isVerified: true }, LIFETIME_MS),
  );

  it('counts what passed by our clock', async () => {
    clock.advance(10_000);
    expect((await reader.read(keyOf('a')))?.ageMs).toBeGreaterThanOrEqual(11_000);
  });

  it('counts what passed by the clock of Redis when ours was set back', async () => {
    await redis.pExpire(VERDICT_KEY, LIFETIME_MS - 20_000);
    clock.stepWallClock(-3_000);
    expect((await reader.read(keyOf('a')))?.ageMs).toBeGreaterThanOrEqual(21_000);
  });

  it('is too much at the end of its lifetime, though Redis keeps it', async () => {
    clock.advance(LIFETIME_MS + 1);
    expect(await redis.exists(VERDICT_KEY)).toBe(1);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
  });

  it('is not believed when it comes from the future', async () => {
    clock.stepWallClock(-10_000);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
  });

  it('is not believed without an end, or with a later one than it was given', async () => {
    await redis.persist(VERDICT_KEY);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
    await redis.pExpire(VERDICT_KEY, LIFETIME_MS * 2);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
  });

  it('does not matter when the token has expired meanwhile', async () => {
    await writer.write(
      keyOf('a'),
      { facts: factsOf({ expiresAtMs: clock.now() + 5_000 }), ageMs: 0, lifeMs: 30_000, isVerified: true },
      LIFETIME_MS,
    );
    clock.advance(5_000);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
  });
});

describe('a value that is no verdict of ours', () => {
  it('is a miss and removed when it was sealed with another key', async () => {
    const otherKey = Buffer.alloc(32, 8);
    const stranger = await connectedCache(server.url, { clock, sealingKey: otherKey });
    await stranger.write(
      keyOf('a'),
      { facts: factsOf({ userId: 'intruder' }), ageMs: 0, lifeMs: 30_000, isVerified: true },
      LIFETIME_MS,
    );
    await stranger.close();
    await redis.rename(new RedisKeys(otherKey).verdict(keyOf('a')), VERDICT_KEY);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
    await until(async () => (await redis.exists(VERDICT_KEY)) === 0);
  });

  it('lies apart when it was sealed with another key: neither process sees or removes what the other wrote', async () => {
    const rotated = await connectedCache(server.url, { clock, sealingKey: Buffer.alloc(32, 8) });
    await writer.write(
      keyOf('a'),
      { facts: factsOf({ userId: 'under the old key' }), ageMs: 0, lifeMs: 30_000, isVerified: true },
      LIFETIME_MS,
    );
    await rotated.write(
      keyOf('a'),
      { facts: factsOf({ userId: 'under the new key' }), ageMs: 0, lifeMs: 30_000, isVerified: true },
      LIFETIME_MS,
    );
    expect((await reader.read(keyOf('a')))?.facts.userId).toBe('under the old key');
    expect((await rotated.read(keyOf('a')))?.facts.userId).toBe('under the new key');
    await rotated.remove([keyOf('a')]);
    expect(await rotated.read(keyOf('a'))).toBeUndefined();
    expect(await reader.read(keyOf('a'))).toBeDefined();
    expect(await writer.claim(keyOf('a'), 3_000)).toBe('acquired');
    expect(await rotated.claim(keyOf('a'), 3_000)).toBe('acquired');
    await rotated.close();
  });

  it('is a miss when it was moved from another key', async () => {
    await writer.write(keyOf('b'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    await redis.rename(keys.verdict(keyOf('b')), VERDICT_KEY);
    expect(await reader.read(keyOf('a'))).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['JSON', '{}'],
    ['text', 'not ours'],
    ['what begins like one', '\u0001'.repeat(100)],
  ])('is a miss when the entry is %s', async (_, value) => {
    await redis.set(VERDICT_KEY, value, { expiration: { type: 'PX', value: LIFETIME_MS } });
    expect(await reader.read(keyOf('a'))).toBeUndefined();
  });

  it.each([
    ['an earlier version', (facts: unknown) => [Date.now(), 0, LIFETIME_MS, facts]],
    ['a later version', (facts: unknown) => [Date.now(), 0, LIFETIME_MS, LIFETIME_MS, true, facts, 'more']],
  ])('is a miss in the form of %s, is left to that one, and costs no connection', async (_, form) => {
    const sealed = new VerdictSeal(SEALING_KEY).seal(JSON.stringify(form(factsOf())), keyOf('a'));
    await redis.set(VERDICT_KEY, sealed, { expiration: { type: 'PX', value: LIFETIME_MS } });
    const connections = async () => /total_connections_received:(\d+)/.exec(await redis.info('stats'))?.[1];
    const before = await connections();
    for (let attempt = 0; attempt < 3; attempt += 1) expect(await reader.read(keyOf('a'))).toBeUndefined();
    expect(await redis.exists(VERDICT_KEY)).toBe(1);
    expect(await connections()).toBe(before);
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    expect(await reader.read(keyOf('a'))).toMatchObject({ lifeMs: 30_000, isVerified: true });
  });

  it('is a miss when it is of another type, and the next verdict takes its place', async () => {
    await redis.lPush(VERDICT_KEY, 'x');
    for (let attempt = 0; attempt < 10; attempt += 1) expect(await reader.read(keyOf('a'))).toBeUndefined();
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    expect(await reader.read(keyOf('a'))).toBeDefined();
  });
});

describe('a claim', () => {
  const claimKey = keys.claim(keyOf('a'));

  it('is held by one process and free after it was given back', async () => {
    expect(await writer.claim(keyOf('a'), 3_000)).toBe('acquired');
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('held');
    await writer.release(keyOf('a'));
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
  });

  it('is not given back by a process that does not hold it', async () => {
    await writer.claim(keyOf('a'), 3_000);
    await reader.release(keyOf('a'));
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('held');
  });

  it('that another process took over meanwhile is left alone', async () => {
    await writer.claim(keyOf('a'), 3_000);
    await redis.del(claimKey);
    await reader.claim(keyOf('a'), 3_000);
    await writer.release(keyOf('a'));
    expect(await redis.exists(claimKey)).toBe(1);
  });

  it('ends by itself when its holder is gone', async () => {
    await writer.claim(keyOf('a'), 20);
    await until(async () => (await reader.claim(keyOf('a'), 3_000)) === 'acquired');
    expect(await writer.claim(keyOf('a'), 3_000)).toBe('held');
  });

  it('lasts a moment longer after a verdict was written, for those who looked just before', async () => {
    await writer.claim(keyOf('a'), 60_000);
    await writer.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    await writer.release(keyOf('a'));
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('held');
    expect(await reader.read(keyOf('a'))).toBeDefined();
    expect(await redis.pTTL(claimKey)).toBeLessThanOrEqual(250);
  });

  it('goes to one of a hundred that want it at the same time', async () => {
    const claims = await Promise.all(
      Array.from({ length: 100 }, (_, index) => (index % 2 ? writer : reader).claim(keyOf('a'), 3_000)),
    );
    expect(claims.filter((claim) => claim === 'acquired')).toHaveLength(1);
    expect(claims.filter((claim) => claim === 'held')).toHaveLength(99);
  });
});

describe('a claim that no process of ours made', () => {
  const claimKey = keys.claim(keyOf('a'));
  const ttl = { expiration: { type: 'PX', value: 3_600_000 } } as const;
  const bytes = () => redis.withTypeMapping({ 36: Buffer }).get(claimKey);

  /** A genuine value, made and given back. */
  async function formerClaim(): Promise<Buffer> {
    await writer.claim(keyOf('a'), 3_000);
    const value = await bytes();
    await writer.release(keyOf('a'));
    return value as Buffer;
  }

  it.each([
    ['text', 'x'],
    ['text of the right length', 'x'.repeat(64)],
    ['an old form of ours', Buffer.alloc(16, 7).toString('base64url')],
    ['a megabyte', 'x'.repeat(1_000_000)],
  ])('%s, holds up no one: it is replaced, and one process asks', async (_, planted) => {
    await redis.set(claimKey, planted, ttl);
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
    expect(await writer.claim(keyOf('a'), 3_000)).toBe('held');
    await reader.release(keyOf('a'));
    expect(await redis.exists(claimKey)).toBe(0);
  });

  it('holds up no one though it is a list, or comes back each time', async () => {
    await redis.lPush(claimKey, 'x');
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
    for (let attempt = 0; attempt < 20; attempt += 1) {
      await redis.set(claimKey, `planted ${attempt}`, ttl);
      expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
    }
  });

  it('holds up no one with the value of a claim on another question', async () => {
    await writer.claim(keyOf('b'), 3_000);
    await redis.rename(keys.claim(keyOf('b')), claimKey);
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
  });

  it('holds up no one with the value of a claim that is over', async () => {
    const former = await formerClaim();
    clock.advance(4_000);
    await redis.set(claimKey, former, ttl);
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
  });

  it('holds up no one with a value that was changed in any byte', async () => {
    const former = await formerClaim();
    for (let index = 0; index < former.length; index += 1) {
      const changed = Buffer.from(former);
      changed.writeUInt8(changed.readUInt8(index) ^ 1, index);
      await redis.set(claimKey, changed, ttl);
      expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
    }
  });

  it('holds up no one when its lease is longer than any that is given', async () => {
    await writer.claim(keyOf('a'), 3_600_000);
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
  });

  it('holds up no one when a process whose clock is ahead made it', async () => {
    const ahead = new OffsetClock();
    ahead.advance(60_000);
    const other = await connectedCache(server.url, { clock: ahead });
    expect(await other.claim(keyOf('a'), 3_000)).toBe('acquired');
    expect(await reader.claim(keyOf('a'), 3_000)).toBe('acquired');
    await other.close();
  });

  it('is not given back in place of the one that replaced it', async () => {
    await writer.claim(keyOf('a'), 3_600_000);
    await reader.claim(keyOf('a'), 3_000);
    await writer.release(keyOf('a'));
    expect(await redis.exists(claimKey)).toBe(1);
  });
});

describe('a revocation hint', () => {
  it('reaches other processes and carries nothing', async () => {
    let hints = 0;
    const stop = reader.onRevocation(() => {
      hints += 1;
    });
    await until(() => hints === 1); // Listening has begun.
    const watcher = redis.duplicate();
    const messages: string[] = [];
    await watcher.connect();
    await watcher.subscribe('nowgg:v1:revocations', (message) => messages.push(message));
    await writer.announceRevocation();
    await until(() => hints === 2 && messages.length === 1);
    expect(messages).toEqual(['']);
    stop();
    await writer.announceRevocation();
    await until(() => messages.length === 2);
    expect(hints).toBe(2);
    watcher.destroy();
  });

  it('is given once after an interruption, when some may have been missed', async () => {
    let hints = 0;
    reader.onRevocation(() => {
      hints += 1;
    });
    await until(() => hints === 1);
    await redis.sendCommand(['CLIENT', 'KILL', 'TYPE', 'pubsub']);
    await until(() => hints > 1);
    await writer.announceRevocation();
    await until(() => hints > 2);
    expect(hints).toBe(3);
  });
});

describe('after it was closed', () => {
  it('everything is a miss and close may be called again', async () => {
    await reader.close();
    await reader.close();
    expect(await reader.read(keyOf('a'))).toBeUndefined();
    expect(await reader.claim(keyOf('a'), 1_000)).toBe('unavailable');
    await reader.write(keyOf('a'), { facts: factsOf(), ageMs: 0, lifeMs: 30_000, isVerified: true }, LIFETIME_MS);
    await reader.announceRevocation();
    expect(await redis.exists(VERDICT_KEY)).toBe(0);
    reader.onRevocation(() => undefined)();
  });
});
