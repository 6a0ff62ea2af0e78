import type { InjectionToken } from '@nestjs/common';
import { NowggConfigurationError } from '../errors.js';
import type { SharedCacheWiring } from '../verification/shared-cache.js';
import { clientOpener, type RedisSource } from './redis-client.js';
import { RedisSharedCache } from './redis-shared-cache.js';

/** Where the shared cache finds its Redis. */
export type RedisSharedCacheOptions =
  | {
      /** `redis://[[user]:password@]host[:port][/database]`, `rediss://…` for TLS, or `unix://…`. */
      readonly url: string;
    }
  | {
      /** What {@link useFactory} gets. */
      readonly inject?: readonly InjectionToken[];
      /**
       * Gives the url, or a client of the `redis` package (5 or 6) that serves as a pattern: from `createClient`,
       * `createCluster` or `createSentinel`, connected or not. The cache opens connections like it, two per process, and
       * leaves the client itself alone. On a cluster or with sentinels set `disableOfflineQueue`, `pingInterval` and
       * `socket.socketTimeout` for their nodes yourself.
       */
      readonly useFactory: (...dependencies: never[]) => RedisSource | Promise<RedisSource>;
    };

/**
 * Shares verdicts between processes through Redis. Pass it as `sharedCache`. It is an accelerator: while
 * Redis cannot be reached, at boot too, each process asks for itself.
 *
 * @throws NowggConfigurationError here or at boot, when there is neither a url nor a client
 */
export function redisSharedCache(options: RedisSharedCacheOptions): SharedCacheWiring {
  if ('useFactory' in options) {
    const useFactory = options.useFactory as (...dependencies: unknown[]) => RedisSource | Promise<RedisSource>;
    return {
      inject: options.inject ?? [],
      create: async (context, ...dependencies) =>
        new RedisSharedCache(clientOpener(await useFactory(...dependencies)), context),
    };
  }
  if (typeof options.url !== 'string' || options.url === '') {
    throw new NowggConfigurationError('redisSharedCache needs a url or a useFactory');
  }
  return { inject: [], create: (context) => new RedisSharedCache(clientOpener(options), context) };
}
