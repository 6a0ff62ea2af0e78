import { ErrorReply } from 'redis';
import type { NowggClock } from '../clock.js';
import type { CallLease, CallNeed } from '../resilience/call-rate.js';
import { SharedCache, type SharedVerdict } from '../verification/cache/shared-cache.js';
import { CLAIM_BYTES, ClaimSeal } from './claim-seal.js';
import { GuardedRedis, UnexpectedReplyError } from './connection/guarded-redis.js';
import { FleetRate } from './fleet-rate.js';
import { KnownClaims } from './known-claims.js';
import { Reachability } from './connection/reachability-log.js';
import type { OpenClient, RedisClient } from './connection/redis-client.js';
import { RedisConnection } from './connection/redis-connection.js';
import { REDIS_PLAYER_CHANNEL, REDIS_REVOCATION_CHANNEL, RedisKeys } from './redis-keys.js';
import { RedisListener } from './redis-listener.js';
import { entryAgeMs, readEntry, writeEntry } from './shared-entry.js';
import { MAX_SEALED_BYTES, VerdictSeal } from './verdict-seal.js';

interface StoredValue {
  readonly sealed: Buffer;
  /** Time to live in milliseconds, from PTTL. */
  readonly leftMs: number;
}

/**
 * Time for which a released claim stays held after a verdict was written, in milliseconds. Another process may have
 * looked for the verdict just before it was written, and finds the claim held, looks again and sees the verdict.
 */
const LINGER_MS = 250;

/**
 * Takes a claim that is free, or replaces one value that was not accepted (ARGV[3], empty for none). Returns 1, or the
 * beginning of the value that holds the claim, whatever its length and type.
 */
const CLAIM = `local held = redis.pcall('getrange', KEYS[1], 0, ${CLAIM_BYTES})
if type(held) ~= 'string' then held = '?' end
if held ~= '' and held ~= ARGV[3] then return held end
redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`;

/** Only the process that holds a claim may end or shorten it. */
const RELEASE = `if redis.pcall('get', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('del', KEYS[1]) end
return redis.call('pexpire', KEYS[1], ARGV[2])`;

/** What the seal of a message about a user is for: no verdict has this key. */
const PLAYER_CONTEXT = 'player';
/** Age up to which such a message is believed, with the difference between two clocks, in milliseconds. */
const PLAYER_MESSAGE_MS = 60_000;

const NO_CLAIM = Buffer.alloc(0);

/** Dependencies of the cache. */
interface RedisSharedCacheParts {
  readonly clock: NowggClock;
  readonly sealingKey: Uint8Array;
}

/**
 * The shared cache on Redis. Values are encrypted, so read access to Redis reveals nothing about tokens or players, and
 * write access cannot make a token valid. Every operation ends within 25 ms, and no command is sent to a Redis that is
 * known not to answer.
 */
export class RedisSharedCache extends SharedCache {
  readonly #clock: NowggClock;
  readonly #seal: VerdictSeal;
  readonly #connection: RedisConnection;
  readonly #redis: GuardedRedis;
  readonly #listener: RedisListener;
  readonly #claims: KnownClaims;
  readonly #keys: RedisKeys;
  readonly #claimSeal: ClaimSeal;
  readonly #fleetRate: FleetRate;
  readonly #reachability: Reachability;

  constructor(open: OpenClient, { clock, sealingKey }: RedisSharedCacheParts) {
    super();
    const reachability = new Reachability(clock);
    this.#reachability = reachability;
    this.#clock = clock;
    this.#keys = new RedisKeys(sealingKey);
    this.#seal = new VerdictSeal(sealingKey);
    this.#claimSeal = new ClaimSeal(sealingKey);
    this.#claims = new KnownClaims(clock);
    this.#connection = new RedisConnection(open, clock, {
      onReady: () => {
        this.#redis.connected();
        reachability.reachable();
      },
      onTrouble: (error) => reachability.unreachable(error),
    });
    this.#redis = new GuardedRedis(this.#connection, clock, {
      onSilence: () => reachability.silent(),
      onAnswer: () => reachability.answered(),
    });
    this.#fleetRate = new FleetRate(this.#redis, this.#seal);
    this.#listener = new RedisListener(open, clock);
  }

  override async read(key: string): Promise<SharedVerdict | undefined> {
    const sentAt = this.#clock.monotonicNow();
    const stored = await this.#redis.run('read', (client) => find(client, this.#keys.verdict(key)));
    if (!stored) return undefined;
    this.#claims.settled(key);
    const text = this.#seal.open(stored.sealed, key);
    if (text === undefined) {
      // A forged value, or the reply to another command: remove it and renew the connection.
      void this.remove([key]).then(() => this.#redis.distrust());
      return undefined;
    }
    const entry = readEntry(text);
    // Our own key encrypted it, so another version of this library wrote it: the next verdict replaces it.
    if (!entry) return undefined;
    const now = this.#clock.now();
    const ageMs = entryAgeMs(entry, stored.leftMs - (this.#clock.monotonicNow() - sentAt), now);
    const isOver = entry.facts.expiresAtMs !== undefined && entry.facts.expiresAtMs <= now;
    if (ageMs === undefined || isOver) return undefined;
    const { facts, lifeMs, isVerified } = entry;
    return { facts, ageMs, lifeMs, isVerified };
  }

  override async write(key: string, { ageMs, ...verdict }: SharedVerdict, keptMs: number): Promise<void> {
    const kept = Math.floor(keptMs);
    if (!(kept >= 1 && ageMs >= 0)) return;
    const entry = { ...verdict, askedAtMs: this.#clock.now() - ageMs, writtenAgeMs: ageMs, keptMs: kept };
    const sealed = this.#seal.seal(writeEntry(entry), key);
    if (sealed.length > MAX_SEALED_BYTES) return;
    const expiration = { type: 'PX', value: kept } as const;
    const reply = await this.#redis.run('write', async (client) =>
      expectOk(await client.set(this.#keys.verdict(key), sealed, { expiration })),
    );
    if (reply === 'OK') this.#claims.wrote(key);
  }

  override async remove(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    await this.#redis.run('write', (client) => Promise.all(keys.map((key) => client.del(this.#keys.verdict(key)))));
  }

  override async claim(key: string, leaseMs: number): Promise<'acquired' | 'held' | 'unavailable'> {
    const lease = Math.max(1, Math.ceil(leaseMs));
    let held = await this.#take(key, lease);
    // A value that our key did not make, or an old one, must not make this process wait: replace it once.
    if (typeof held === 'object' && !this.#isGenuine(key, held, lease)) held = await this.#take(key, lease, held);
    if (held === undefined) return this.#claims.wasHeld(key) ? 'held' : 'unavailable';
    if (held === 'acquired') return held;
    if (!this.#isGenuine(key, held, lease)) return 'unavailable';
    this.#claims.foundHeld(key);
    return 'held';
  }

  override async release(key: string): Promise<void> {
    const claim = this.#claims.gaveBack(key);
    if (claim === undefined) return;
    await this.#redis.run('write', (client) =>
      this.#endClaim(client, key, claim.value, claim.answered ? LINGER_MS : 0),
    );
  }

  override leaseCalls(name: string, need: CallNeed): Promise<CallLease | 'contended' | undefined> {
    return this.#fleetRate.lease(this.#keys.rate(name), need);
  }

  override async announceRevocation(): Promise<void> {
    await this.#redis.run('hint', async (client) => expectNumber(await client.publish(REDIS_REVOCATION_CHANNEL, '')));
  }

  override onRevocation(listener: () => void): () => void {
    return this.#listener.onRevocation(listener);
  }

  /** The message is sealed: it names no user to other clients of the Redis, and they cannot make one. */
  override async announcePlayer(user: string): Promise<void> {
    const message = this.#seal.seal(JSON.stringify([user, this.#clock.now()]), PLAYER_CONTEXT).toString('base64');
    await this.#redis.run('hint', async (client) => expectNumber(await client.publish(REDIS_PLAYER_CHANNEL, message)));
  }

  override onPlayer(listener: (user: string) => void): () => void {
    return this.#listener.onPlayer((message) => {
      const user = this.#userIn(message);
      if (user !== undefined) listener(user);
    });
  }

  override async close(): Promise<void> {
    this.#listener.close();
    this.#reachability.close();
    this.#connection.close();
  }

  /** Takes a claim, or returns the value that holds it; undefined when Redis does not answer. */
  async #take(key: string, leaseMs: number, insteadOf: Buffer = NO_CLAIM): Promise<'acquired' | Buffer | undefined> {
    const claimKey = this.#keys.claim(key);
    const value = this.#claimSeal.make(claimKey, this.#clock.now(), leaseMs);
    const call = { keys: [claimKey], arguments: [value, String(leaseMs), insteadOf] };
    const reply = await this.#redis.run(
      'write',
      async (client) => expectOneOrBytes(await client.eval(CLAIM, call)),
      (late, client) => {
        // No caller in this process knows that it holds the claim.
        if (late === 1) this.#endClaim(client, key, value, 0).catch(() => undefined);
      },
    );
    if (reply !== 1) return reply;
    this.#claims.took(key, value);
    return 'acquired';
  }

  /** The user that a message names; undefined for one that our key did not seal, or that is repeated later. */
  #userIn(message: string): string | undefined {
    const text = this.#seal.open(Buffer.from(message, 'base64'), PLAYER_CONTEXT);
    if (text === undefined) return undefined;
    const [user, atMs] = JSON.parse(text) as [string, number];
    return Math.abs(this.#clock.now() - atMs) <= PLAYER_MESSAGE_MS ? user : undefined;
  }

  #isGenuine(key: string, value: Buffer, leaseMs: number): boolean {
    return this.#claimSeal.isGenuine(this.#keys.claim(key), value, this.#clock.now(), leaseMs);
  }

  async #endClaim(client: RedisClient, key: string, value: Buffer, lingerMs: number): Promise<number> {
    const call = { keys: [this.#keys.claim(key)], arguments: [value, String(lingerMs)] };
    return expectNumber(await client.eval(RELEASE, call));
  }
}

/** Reads a value and its time to live in one round trip. */
async function find(client: RedisClient, key: string): Promise<StoredValue | null> {
  const [sealed, leftMs] = await Promise.all([client.get(key).catch(nullForWrongType), client.pTTL(key)]);
  if (typeof leftMs !== 'number' || !(sealed === null || Buffer.isBuffer(sealed))) throw new UnexpectedReplyError();
  return sealed && { sealed, leftMs };
}

function nullForWrongType(error: unknown): null {
  if (error instanceof ErrorReply && error.message.startsWith('WRONGTYPE')) return null;
  throw error;
}

function expectOk(reply: unknown): 'OK' {
  if (reply !== 'OK') throw new UnexpectedReplyError();
  return reply;
}

function expectOneOrBytes(reply: unknown): 1 | Buffer {
  if (reply !== 1 && !Buffer.isBuffer(reply)) throw new UnexpectedReplyError();
  return reply;
}

function expectNumber(reply: unknown): number {
  if (typeof reply !== 'number') throw new UnexpectedReplyError();
  return reply;
}
