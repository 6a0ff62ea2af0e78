import type { InjectionToken } from '@nestjs/common';
import { randomKeyFaults } from '../options/key-rules.js';
import { faultsOf, isFunction, isText, refuse, type Rules } from '../rules.js';
import type { SharedCacheContext, SharedCacheWiring } from '../verification/cache/shared-cache.js';
import { clientOpener, type RedisSource } from './connection/redis-client.js';
import { RedisSharedCache } from './redis-shared-cache.js';
import { ownSealingKey, requireSealingKey } from './sealing-key.js';

/** The key that encrypts the values in Redis. */
interface SealedBy {
  /**
   * 32 random bytes in base64, the same in all processes and never stored in Redis. Default: derived from the first key
   * of `tokens.encryptionKeys`. Without either the application does not start.
   */
  readonly key?: string | undefined;
}

/** Options of the shared cache: the address of Redis, and the key for the values. */
export type RedisSharedCacheOptions =
  | (SealedBy & {
      /** `redis://[[user]:password@]host[:port][/database]`, `rediss://…` for TLS, or `unix://…`. */
      readonly url: string;
    })
  | (SealedBy & {
      /** Dependencies passed to {@link useFactory}. */
      readonly inject?: readonly InjectionToken[];
      /**
       * Returns the url, or a client of the `redis` package (5 or 6) as a pattern: from `createClient`, `createCluster`
       * or `createSentinel`, connected or not. The cache opens connections with its settings, two per process, and does
       * not use the client itself. On a cluster or with sentinels set `disableOfflineQueue`, `pingInterval` and
       * `socket.socketTimeout` for their nodes yourself. May return the key too: `{ url, key }` or `{ client, key }`.
       */
      readonly useFactory: (...dependencies: never[]) => RedisSource | Promise<RedisSource>;
    });

const RULES: Rules<'key' | 'url' | 'inject' | 'useFactory'> = {
  key: (key, name) => (key === undefined || key === null ? [] : randomKeyFaults(key, name)),
  url: (url, _, { useFactory }) =>
    isText(url) || useFactory !== undefined ? [] : ['redisSharedCache needs a url or a useFactory'],
  inject: [Array.isArray, 'must be an array'],
  useFactory: [isFunction, 'must be a function'],
};

/**
 * Shares verdicts between processes through Redis. Pass the result as `sharedCache`. It only saves requests: while
 * Redis cannot be reached, also at startup, each process asks the identity system itself.
 *
 * @throws NowggConfigurationError here or at startup, when there is neither a url nor a client, or no valid key
 *
 * @example
 * ```ts
 * import { NowggAuthModule } from 'nestjs-nowgg-auth';
 * import { redisSharedCache } from 'nestjs-nowgg-auth/redis';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *   sharedCache: redisSharedCache({ url: process.env.REDIS_URL ?? '', key: process.env.CACHE_KEY ?? '' }),
 * });
 * ```
 */
export function redisSharedCache(options: RedisSharedCacheOptions): SharedCacheWiring {
  refuse(faultsOf(RULES, options, 'redisSharedCache '));
  const key = ownSealingKey(options.key);
  if (!('useFactory' in options)) return { inject: [], create: (context) => cacheOn(options, context, key) };
  const useFactory = options.useFactory as (...dependencies: unknown[]) => RedisSource | Promise<RedisSource>;
  return {
    inject: options.inject ?? [],
    create: async (context, ...dependencies) => cacheOn(await useFactory(...dependencies), context, key),
  };
}

function cacheOn(source: RedisSource, { clock, sealingKey }: SharedCacheContext, own: Uint8Array | undefined) {
  const open = clientOpener(source);
  const given = 'key' in source ? ownSealingKey(source.key) : undefined;
  return new RedisSharedCache(open, { clock, sealingKey: requireSealingKey(given ?? own ?? sealingKey) });
}
