import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { NowggPlayers, type NowggPrincipal } from 'nestjs-nowgg-auth';
import { OffsetClock } from '../../libs/nowgg-auth/src/testing-support/offset-clock.js';
import { RedisServer } from '../support/servers/redis-server.js';
import { type Cache, connectedCache, observer, until } from './support.js';

const CHANNEL = 'nowgg:v1:players';

let redis: RedisServer;
beforeAll(async () => {
  redis = await RedisServer.start();
});
afterAll(async () => redis[Symbol.asyncDispose]());

const ada = { provider: 'nowgg', userId: 'ada' } as NowggPrincipal;
const bob = { provider: 'nowgg', userId: 'bob' } as NowggPrincipal;

describe('A change of a user of the application', () => {
  const opened: Cache[] = [];
  afterEach(async () => {
    for (const cache of opened.splice(0)) await cache.close();
  });

  /** The users of one process. Their roles come from a database that all processes share. */
  const startProcess = async (
    roles: ReadonlyMap<string, string>,
    clock = new OffsetClock(),
    sealingKey?: Uint8Array,
  ) => {
    const cache = await connectedCache(`redis://127.0.0.1:${redis.port}`, { clock, ...(sealingKey && { sealingKey }) });
    opened.push(cache);
    const asked: string[] = [];
    const players = new NowggPlayers<string>({
      resolve: ({ userId }: NowggPrincipal) => {
        asked.push(userId);
        return roles.get(userId) ?? 'player';
      },
      providers: { getOrOnly: () => ({ name: 'nowgg' }) as never },
      clock,
      timeoutMs: 2_000,
      maxEntries: 100,
      maxAgeMs: 3_600_000,
      news: cache,
    });
    return { cache, players, asked };
  };
  /** Waits until this many processes listen. */
  const untilListening = async (count: number) => {
    const outside = await observer(`redis://127.0.0.1:${redis.port}`);
    await until(async () => (await outside.pubSubNumSub([CHANNEL]))[CHANNEL] === count);
    return outside;
  };

  it('is seen by the other processes, of this user alone', async () => {
    const roles = new Map<string, string>();
    const [one, other] = [await startProcess(roles), await startProcess(roles)];
    const outside = await untilListening(2);
    for (const { players } of [one, other])
      expect([await players.of(ada), await players.of(bob)]).toEqual(['player', 'player']);
    roles.set('ada', 'admin');
    expect(await other.players.of(ada)).toBe('player');
    one.players.invalidate({ userId: 'ada' });
    expect(await one.players.of(ada)).toBe('admin');
    await until(async () => (await other.players.of(ada)) === 'admin');
    await other.players.of(bob);
    expect(other.asked).toEqual(['ada', 'bob', 'ada']);
    outside.destroy();
  });

  it('is believed only when our own key sealed it, a minute long, and names no user to others', async () => {
    const clock = new OffsetClock();
    const listening = await startProcess(new Map(), clock);
    const foreign = await startProcess(new Map(), new OffsetClock(), Buffer.alloc(32, 8));
    const sender = await startProcess(new Map());
    const outside = await untilListening(3);
    const seen: string[] = [];
    const listener = outside.duplicate();
    await listener.connect();
    await listener.subscribe(CHANNEL, (message) => seen.push(message));
    await listening.players.of(ada);
    await foreign.cache.announcePlayer('nowgg\0ada');
    for (const message of ['', 'nowgg\0ada', 'eyJ', JSON.stringify(['nowgg\0ada', Date.now()]), 'x'.repeat(100_000)]) {
      await outside.publish(CHANNEL, message);
    }
    await sender.cache.announcePlayer('nowgg\0bob');
    await until(() => seen.length === 7);
    const genuine = seen.at(-1) ?? '';
    expect(Buffer.from(genuine, 'base64').toString('latin1')).not.toMatch(/bob|nowgg/);
    // A later message is proof that the ones before were looked at.
    const told: string[] = [];
    listening.cache.onPlayer((user) => told.push(user));
    await outside.publish(CHANNEL, genuine);
    await until(() => told.length === 1);
    await listening.players.of(ada);
    expect(listening.asked).toEqual(['ada']);
    // Repeated later, it is not believed: the next one, of this clock, is proof that it was looked at.
    clock.advance(61_000);
    await outside.publish(CHANNEL, genuine);
    await listening.cache.announcePlayer('nowgg\0carl');
    await until(() => told.length === 2);
    expect(told).toEqual(['nowgg\0bob', 'nowgg\0carl']);
    listener.destroy();
    outside.destroy();
  });

  it('costs nothing but its own process while Redis is away', async () => {
    const { cache, players } = await startProcess(new Map([['ada', 'admin']]));
    await cache.close();
    players.invalidate({ userId: 'ada' });
    expect(await players.of(ada)).toBe('admin');
  });
});
