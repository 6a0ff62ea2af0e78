import { createHmac } from 'node:crypto';
import { derivedKey } from './derived-key.js';

const PREFIX = 'nowgg:v1:';

/** Hints carry nothing: whoever gets one reads the watermarks from their store. */
export const REDIS_REVOCATION_CHANNEL = `${PREFIX}revocations`;

/**
 * Names of values in Redis: HMACs of the cache keys. A process that knows a token or its hash cannot name its verdict, and
 * processes with different sealing keys (during a rotation) never touch each other's values.
 */
export class RedisKeys {
  readonly #key: Buffer;

  constructor(sealingKey: Uint8Array) {
    this.#key = derivedKey(sealingKey, 'names');
  }

  verdict(cacheKey: string): string {
    return PREFIX + createHmac('sha256', this.#key).update(cacheKey, 'utf8').digest('base64url');
  }

  /** Key of the claim on a question. The braces put it on the cluster node of the verdict. */
  claim(cacheKey: string): string {
    return `${PREFIX}claim:{${this.verdict(cacheKey)}}`;
  }
}
