import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { derivedKey } from './derived-key.js';

const SCHEMA = 'nestjs-nowgg-auth shared verdict v1';
const VERSION = 1;
const NONCE_AT = 1;
const NONCE_BYTES = 12;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;
const TEXT_AT = TAG_AT + TAG_BYTES;
/** The longest value that is believed to be a verdict: an identity system's answer has at most 64 KiB. */
export const MAX_SEALED_BYTES = 128 * 1024;

/**
 * Seals what goes to Redis with AES-256-GCM: `version | nonce | tag | text`. Each cache key has an encryption key of its
 * own, derived from it, and is additional data too: a value opens nowhere else, and however many are sealed, random
 * nonces stay far from repeating under one key.
 */
export class VerdictSeal {
  readonly #masterKey: Buffer;

  constructor(sealingKey: Uint8Array) {
    this.#masterKey = derivedKey(sealingKey, 'verdicts');
  }

  seal(text: string, cacheKey: string): Buffer {
    const binding = bindingOf(cacheKey);
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#keyFor(binding), nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(binding);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([Buffer.of(VERSION), nonce, cipher.getAuthTag(), sealed]);
  }

  /** Undefined when it is cut, changed, from another place, or sealed with another key. */
  open(sealed: Buffer, cacheKey: string): string | undefined {
    if (sealed[0] !== VERSION || sealed.length <= TEXT_AT || sealed.length > MAX_SEALED_BYTES) return undefined;
    const binding = bindingOf(cacheKey);
    const nonce = sealed.subarray(NONCE_AT, TAG_AT);
    const decipher = createDecipheriv('aes-256-gcm', this.#keyFor(binding), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(binding);
    decipher.setAuthTag(sealed.subarray(TAG_AT, TEXT_AT));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(TEXT_AT)), decipher.final()]).toString('utf8');
    } catch {
      return undefined;
    }
  }

  #keyFor(binding: Buffer): Buffer {
    return createHmac('sha256', this.#masterKey).update(binding).digest();
  }
}

function bindingOf(cacheKey: string): Buffer {
  return Buffer.from(`${SCHEMA}\0${cacheKey}`, 'utf8');
}
