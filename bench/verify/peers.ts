import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** A cache that can do the work of a hit: find what is known of a token, or ask for it once. */
export interface CachePeer {
  readonly name: string;
  /** Takes over what is known of these tokens. */
  fill(tokens: readonly string[]): Promise<void>;
  /** What a guard would call for each request. */
  find(token: string): unknown;
}

/** Caches that belong beside these and are measured here once they are among the workspace's dependencies. */
export const ABSENT_PEERS = ['bentocache', 'cacheable', 'async-cache-dedupe'] as const;

/** Keyed by SHA-256 of the token, as no cache that could be read out should hold bearer tokens. */
export function cachePeers(ask: (token: string) => Promise<object>): readonly CachePeer[] {
  return [lruFetch(ask)];
}

function lruFetch(ask: (token: string) => Promise<object>): CachePeer {
  const cache = new LRUCache<string, object, string>({
    max: 100_000,
    fetchMethod: (_key, _stale, { context }) => ask(context),
  });
  const find = (token: string) => cache.fetch(hash('sha256', token, 'binary'), { context: token });
  return {
    name: 'SHA-256 and lru-cache `fetch`',
    fill: async (tokens) => {
      for (const token of tokens) await find(token);
    },
    find,
  };
}
