import type { InjectionToken } from '@nestjs/common';
import { NowggConfigurationError } from '../errors.js';
import type { SharedCacheContext, SharedCacheWiring } from '../verification/cache/shared-cache.js';
import { clientOpener, type RedisSource } from './connection/redis-client.js';
import { RedisSharedCache } from './redis-shared-cache.js';
import { ownSealingKey, requireSealingKey } from './sealing-key.js';

/** The key that values in Redis are sealed with. */
interface SealedBy {
  /**
   * 32 random bytes in base64, the same in all processes and never in Redis. Default: derived from the first key of
   * `tokens.encryptionKeys`. Without either the application does not start.
   */
  readonly key?: string | undefined;
}

/** Where the shared cache finds its Redis, and the key for what it keeps there. */
export type RedisSharedCacheOptions =
  | (SealedBy & {
      /** `redis://[[user]:password@]host[:port][/database]`, `rediss://…` for TLS, or `unix://…`. */
      readonly url: string;
    })
  | (SealedBy & {
      /** What {@link useFactory} gets. */
      readonly inject?: readonly InjectionToken[];
      /**
       * Gives the url, or a client of the `redis` package (5 or 6) that serves as a pattern: from `createClient`,
       * `createCluster` or `createSentinel`, connected or not. The cache opens connections like it, two per process, and
       * leaves the client itself alone. On a cluster or with sentinels set `disableOfflineQueue`, `pingInterval` and
       * `socket.socketTimeout` for their nodes yourself. May give the key as well: `{ url, key }` or `{ client, key }`.
       */
      readonly useFactory: (...dependencies: never[]) => RedisSource | Promise<RedisSource>;
    });

/**
 * Shares verdicts between processes through Redis. Pass it as `sharedCache`. It is an accelerator: while Redis cannot be
 * reached, at boot too, each process asks the identity system itself.
 *
 * @throws NowggConfigurationError here or at boot, when there is neither a url nor a client, or no good key
 */
export function redisSharedCache(options: RedisSharedCacheOptions): SharedCacheWiring {
  const key = ownSealingKey(options.key);
  if ('useFactory' in options) {
    const useFactory = options.useFactory as (...dependencies: unknown[]) => RedisSource | Promise<RedisSource>;
    return {
      inject: options.inject ?? [],
      create: async (context, ...dependencies) => cacheOn(await useFactory(...dependencies), context, key),
    };
  }
  if (typeof options.url !== 'string' || options.url === '') {
    throw new NowggConfigurationError('redisSharedCache needs a url or a useFactory');
  }
  return { inject: [], create: (context) => cacheOn(options, context, key) };
}

function cacheOn(source: RedisSource, { clock, sealingKey }: SharedCacheContext, own: Uint8Array | undefined) {
  const open = clientOpener(source);
  const given = 'key' in source ? ownSealingKey(source.key) : undefined;
  return new RedisSharedCache(open, { clock, sealingKey: requireSealingKey(given ?? own ?? sealingKey) });
}
