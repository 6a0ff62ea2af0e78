import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { derivedKey } from './sealing-key.js';

const SCHEMA = 'nestjs-nowgg-auth shared verdict v1';
const VERSION = 1;
const NONCE_AT = 1;
const NONCE_BYTES = 12;
const TAG_AT = NONCE_AT + NONCE_BYTES;
const TAG_BYTES = 16;
const TEXT_AT = TAG_AT + TAG_BYTES;
/** Maximum length of a stored verdict: an identity system's answer has at most 64 KiB. */
export const MAX_SEALED_BYTES = 128 * 1024;

/**
 * Encrypts the values in Redis with AES-256-GCM: `version | nonce | tag | text`. Each cache key has its own derived
 * encryption key and is also the additional data. So a value cannot be decrypted under another cache key, and a
 * repeated random nonce under one encryption key stays very unlikely, however many values are encrypted.
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

  /** Decrypts a value. Undefined when it is truncated, changed, from another place, or encrypted with another key. */
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
