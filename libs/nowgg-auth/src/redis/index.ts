export type { RedisClientPattern, RedisSource } from './connection/redis-client.js';
export { redisSharedCache, type RedisSharedCacheOptions } from './redis-shared-cache-wiring.js';
