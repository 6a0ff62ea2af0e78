export type { RedisClientPattern, RedisSource } from './redis-client.js';
export { redisSharedCache, type RedisSharedCacheOptions } from './redis-shared-cache-wiring.js';
