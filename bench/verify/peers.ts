import { hash } from 'node:crypto';
import { createCache } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { Cacheable } from 'cacheable';
import { LRUCache } from 'lru-cache';
import { claimsIn } from './tokens.js';

/** Room in each cache, also in ours. */
export const ENTRIES = 100_000;
/** No entry expires while the benchmark runs. */
const ONE_DAY_S = 86_400;

/** A cache that can do the work of a hit. */
export interface CachePeer {
  readonly name: string;
  /** The function that a guard would call for each request: the principal of a known token, or a question. */
  readonly find: (token: string) => Promise<object | undefined>;
}

/** What a guard keeps about a token. */
interface Known {
  readonly expiresAtMs: number;
  readonly principal: object;
}

type Look = (digest: string, token: string) => Promise<Known | undefined>;

/** Number of caches that {@link cachePeers} returns. */
export const PEER_COUNT = 4;

/**
 * The peers, keyed by SHA-256 of the token, because no cache that could be read out should hold bearer tokens. All in
 * memory only, with as many entries as ours, and without copying values where that can be chosen.
 */
export function cachePeers(): readonly CachePeer[] {
  return [
    peer('lru-cache `fetch`', lruFetch()),
    peer('bentocache `getOrSet`', bentoGetOrSet()),
    peer('cacheable `getOrSet`', cacheableGetOrSet()),
    peer('async-cache-dedupe', dedupe()),
  ];
}

function peer(name: string, look: Look): CachePeer {
  const find = async (token: string) => {
    const known = await look(hash('sha256', token, 'binary'), token);
    return known && known.expiresAtMs > Date.now() ? known.principal : undefined;
  };
  return { name: `SHA-256, ${name}, expiry`, find };
}

async function ask(token: string): Promise<Known> {
  const { exp, userId } = claimsIn(token);
  return { expiresAtMs: Number(exp) * 1000, principal: { userId } };
}

function lruFetch(): Look {
  const cache = new LRUCache<string, Known, string>({
    max: ENTRIES,
    ttl: ONE_DAY_S * 1000,
    fetchMethod: (_key, _stale, { context }) => ask(context),
  });
  return (digest, token) => cache.fetch(digest, { context: token });
}

function bentoGetOrSet(): Look {
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: ENTRIES, serialize: false })) },
  });
  return (key, token) => cache.getOrSet({ key, ttl: `${ONE_DAY_S}s`, factory: () => ask(token) });
}

function cacheableGetOrSet(): Look {
  const cache = new Cacheable({ ttl: ONE_DAY_S * 1000 });
  return (digest, token) => cache.getOrSet(digest, () => ask(token));
}

function dedupe(): Look {
  const cache = createCache({ ttl: ONE_DAY_S, storage: { type: 'memory', options: { size: ENTRIES } } }).define(
    'facts',
    // The key is hashed outside the call, because the cache keeps its keys as text.
    { serialize: ({ digest }: { digest: string; token: string }) => digest },
    ({ token }: { digest: string; token: string }) => ask(token),
  );
  return (digest, token) => cache.facts({ digest, token });
}
