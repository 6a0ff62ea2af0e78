import { hash } from 'node:crypto';
import { createCache } from 'async-cache-dedupe';
import { BentoCache, bentostore } from 'bentocache';
import { memoryDriver } from 'bentocache/drivers/memory';
import { Cacheable } from 'cacheable';
import { LRUCache } from 'lru-cache';

const ENTRIES = 100_000;
/** No entry expires while the benchmark runs. */
const ONE_DAY_S = 86_400;

/** A cache that can do the work of a hit: find the known facts about a token, or ask for them once. */
export interface CachePeer {
  readonly name: string;
  /** Stores the known facts about these tokens. */
  fill(tokens: readonly string[]): Promise<void>;
  /** The function that a guard would call for each request. */
  find(token: string): unknown;
}

/** Number of caches that {@link cachePeers} returns. */
export const PEER_COUNT = 4;

type Ask = (token: string) => Promise<object>;

/**
 * The peers, keyed by SHA-256 of the token, because no cache that could be read out should hold bearer tokens. All in
 * memory only, with as many entries as ours, and without copying values where that can be chosen.
 */
export function cachePeers(ask: Ask): readonly CachePeer[] {
  return [
    peer('lru-cache `fetch`', lruFetch(ask)),
    peer('bentocache `getOrSet`', bentoGetOrSet(ask)),
    peer('cacheable `getOrSet`', cacheableGetOrSet(ask)),
    peer('async-cache-dedupe', dedupe(ask)),
  ];
}

function peer(name: string, find: (token: string) => unknown): CachePeer {
  return {
    name: `SHA-256 and ${name}`,
    fill: async (tokens) => {
      for (const token of tokens) await find(token);
    },
    find,
  };
}

function digestOf(token: string): string {
  return hash('sha256', token, 'binary');
}

function lruFetch(ask: Ask): (token: string) => unknown {
  const cache = new LRUCache<string, object, string>({
    max: ENTRIES,
    ttl: ONE_DAY_S * 1000,
    fetchMethod: (_key, _stale, { context }) => ask(context),
  });
  return (token) => cache.fetch(digestOf(token), { context: token });
}

function bentoGetOrSet(ask: Ask): (token: string) => unknown {
  const cache = new BentoCache({
    default: 'memory',
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: ENTRIES, serialize: false })) },
  });
  return (token) => cache.getOrSet({ key: digestOf(token), ttl: `${ONE_DAY_S}s`, factory: () => ask(token) });
}

function cacheableGetOrSet(ask: Ask): (token: string) => unknown {
  const cache = new Cacheable({ ttl: ONE_DAY_S * 1000 });
  return (token) => cache.getOrSet(digestOf(token), () => ask(token));
}

function dedupe(ask: Ask): (token: string) => unknown {
  const cache = createCache({ ttl: ONE_DAY_S, storage: { type: 'memory', options: { size: ENTRIES } } }).define(
    'facts',
    // The key is hashed outside the call, because the cache keeps its keys as text.
    { serialize: ({ digest }: { digest: string; token: string }) => digest },
    ({ token }: { digest: string; token: string }) => ask(token),
  );
  return (token) => cache.facts({ digest: digestOf(token), token });
}
