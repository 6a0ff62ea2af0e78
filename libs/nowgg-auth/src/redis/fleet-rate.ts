import { randomBytes } from 'node:crypto';
import type { CallLease, CallNeed } from '../resilience/call-rate.js';
import { type FleetCredit, leaseFrom } from '../resilience/fleet-credit.js';
import { isRecord } from '../rules.js';
import { type GuardedRedis, UnexpectedReplyError } from './connection/guarded-redis.js';
import type { RedisClient } from './connection/redis-client.js';
import type { VerdictSeal } from './verdict-seal.js';

/** Longest value that is read: that of more processes than the credit remembers. */
const MOST_BYTES = 32_768;
/** Time for which an unused credit is kept, in milliseconds. */
const KEPT_MS = 3_600_000;
/** Time within which a value does not disappear by itself, in milliseconds. */
const REMOVED_MS = 60_000;
/** Number of times that a lease is tried while other processes are faster. */
const TRIES = 3;

/** Reads the beginning of the value, whatever its length and type, and Redis' own time. */
const READ = `local value = redis.pcall('getrange', KEYS[1], 0, ${MOST_BYTES})
if type(value) ~= 'string' then value = '?' end
local time = redis.call('time')
return { value, time[1], time[2] }`;

/** Replaces the value, unless another process has done so since it was read. */
const SWAP = `local value = redis.pcall('getrange', KEYS[1], 0, ${MOST_BYTES})
if type(value) ~= 'string' then value = '?' end
if value ~= ARGV[1] then return 0 end
redis.call('set', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1`;

interface StoredCredit {
  readonly value: Buffer;
  readonly nowMs: number;
}

/**
 * The rate that all processes share, in Redis. The value is encrypted, so that only processes with the key can write
 * one: any other value counts as a rate that is used up, and is replaced.
 */
export class FleetRate {
  readonly #redis: GuardedRedis;
  readonly #seal: VerdictSeal;
  readonly #process = randomBytes(9).toString('base64url');
  /** When this process last wrote each value, in epoch milliseconds of Redis. */
  readonly #writtenAt = new Map<string, number>();

  constructor(redis: GuardedRedis, seal: VerdictSeal) {
    this.#redis = redis;
    this.#seal = seal;
  }

  /** @returns `contended` when other processes were faster each time, undefined when Redis does not answer */
  async lease(key: string, need: CallNeed): Promise<CallLease | 'contended' | undefined> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const stored = await this.#redis.run('write', (client) => read(client, key));
      if (!stored) return undefined;
      const { lease, left } = leaseFrom(this.#open(stored, key), this.#process, need, stored.nowMs);
      const value = this.#seal.seal(JSON.stringify(left), key);
      const swapped = await this.#redis.run('write', (client) => swap(client, key, stored.value, value));
      if (swapped === undefined) return undefined;
      if (swapped === 0) continue;
      this.#writtenAt.set(key, stored.nowMs);
      return lease;
    }
    return 'contended';
  }

  #open({ value, nowMs }: StoredCredit, key: string): FleetCredit | undefined {
    // A value that was there a moment ago was removed by another client, or is lost.
    const isRemoved = Math.abs(nowMs - (this.#writtenAt.get(key) ?? Number.NEGATIVE_INFINITY)) < REMOVED_MS;
    if (value.length === 0 && !isRemoved) return undefined;
    const text = this.#seal.open(value, key);
    const credit: unknown = text === undefined ? undefined : JSON.parse(text);
    return isCredit(credit) ? credit : { atMs: nowMs, calls: 0, processes: {} };
  }
}

/** Our own processes wrote it, but another version of them may have. */
function isCredit(value: unknown): value is FleetCredit {
  if (!isRecord(value) || !Number.isFinite(value.atMs) || !Number.isFinite(value.calls)) return false;
  return isRecord(value.processes) && Object.values(value.processes).every(isPresence);
}

function isPresence(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((part) => Number.isFinite(part));
}

async function read(client: RedisClient, key: string): Promise<StoredCredit> {
  const reply = await client.eval(READ, { keys: [key], arguments: [] });
  if (!Array.isArray(reply) || reply.length !== 3 || !reply.every((part) => Buffer.isBuffer(part)))
    throw new UnexpectedReplyError();
  const [value, seconds, micros] = reply as [Buffer, Buffer, Buffer];
  const nowMs = Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  if (!Number.isFinite(nowMs)) throw new UnexpectedReplyError();
  return { value, nowMs };
}

async function swap(client: RedisClient, key: string, before: Buffer, after: Buffer): Promise<number> {
  const reply = await client.eval(SWAP, { keys: [key], arguments: [before, after, String(KEPT_MS)] });
  if (reply !== 0 && reply !== 1) throw new UnexpectedReplyError();
  return reply;
}
