import { createHmac } from 'node:crypto';
import { derivedKey } from './sealing-key.js';

const PREFIX = 'nowgg:v1:';

/** Channel of revocation hints. They have no content: a process that gets one reads the watermarks from its store. */
export const REDIS_REVOCATION_CHANNEL = `${PREFIX}revocations`;

/** Channel of changes of the application's own users: sealed messages that name one user each. */
export const REDIS_PLAYER_CHANNEL = `${PREFIX}players`;

/**
 * Names of values in Redis: HMACs of the cache keys. A process that knows only a token or its hash cannot name its
 * verdict, and processes with different keys (during a rotation) never touch each other's values.
 */
export class RedisKeys {
  readonly #key: Buffer;

  constructor(sealingKey: Uint8Array) {
    this.#key = derivedKey(sealingKey, 'names');
  }

  verdict(cacheKey: string): string {
    return PREFIX + createHmac('sha256', this.#key).update(cacheKey, 'utf8').digest('base64url');
  }

  /** Name of the rate that all processes share. */
  rate(name: string): string {
    return `${PREFIX}rate:${createHmac('sha256', this.#key).update(`rate/${name}`, 'utf8').digest('base64url')}`;
  }

  /** Name of the claim on a request. The braces put it on the same cluster node as the verdict. */
  claim(cacheKey: string): string {
    return `${PREFIX}claim:{${this.verdict(cacheKey)}}`;
  }
}
