import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { NowggConfigurationError } from '../errors.js';
import type { EncryptionKey } from '../options.js';

/** What a ciphertext is bound to. It opens nowhere else: not in another row, column, client or generation. */
export interface SealContext {
  readonly purpose: 'access' | 'refresh' | 'exchange' | 'authorization' | 'key-check';
  /** Grant id, or hash of the code or state. */
  readonly id: string;
  readonly clientKey: string;
  readonly generation: number;
}

/**
 * - `malformed`: cut, empty, or of a version that this release does not know.
 * - `unknown_key`: sealed under a key that is not in the ring.
 * - `tampered`: changed, or moved here from another row, column or generation.
 */
export type SealedTextFault = 'malformed' | 'unknown_key' | 'tampered';

/** A ciphertext does not open. Internal: callers get a `NowggAuthError` in its place. */
export class SealedTextError extends Error {
  readonly fault: SealedTextFault;

  constructor(fault: SealedTextFault) {
    super(`a sealed text does not open: ${fault}`);
    this.name = 'SealedTextError';
    this.fault = fault;
  }
}

interface RingKey {
  readonly id: string;
  readonly secret: Buffer;
  /** The bytes with which everything sealed under this key begins. */
  readonly header: Buffer;
  readonly sessionKey: Buffer;
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const LENGTH_BYTES = 4;

/**
 * Seals and opens with AES-256-GCM. A ciphertext is `version | length of key id | key id | nonce | tag | text`; the
 * first key of the ring seals, all of them open. There is no plaintext fallback.
 */
export class KeyRing {
  readonly #first: RingKey;
  readonly #byId: ReadonlyMap<string, RingKey>;

  /** @throws NowggConfigurationError when there is no key, or one is not 32 bytes of base64 */
  constructor(keys: readonly EncryptionKey[]) {
    const ring = keys.map(ringKey);
    const first = ring[0];
    if (!first) throw new NowggConfigurationError('tokens.encryptionKeys needs at least one key');
    this.#first = first;
    this.#byId = new Map(ring.map((key) => [key.id, key]));
    if (this.#byId.size !== ring.length) throw new NowggConfigurationError('tokens.encryptionKeys repeats a key id');
  }

  /** Id of the key that seals. */
  get sealingKeyId(): string {
    return this.#first.id;
  }

  /** The bytes with which everything that is sealed now begins. */
  get sealingHeader(): Uint8Array {
    return this.#first.header;
  }

  has(keyId: string): boolean {
    return this.#byId.has(keyId);
  }

  /** One key for session handles from each key of the ring, the sealing one first. */
  get sessionKeys(): readonly Uint8Array[] {
    return [...this.#byId.values()].map((key) => key.sessionKey);
  }

  seal(text: string, context: SealContext): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#first.secret, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(context));
    const sealed = cipher.update(text, 'utf8');
    // GCM pads nothing: what is left to come is empty.
    cipher.final();
    return Buffer.concat([this.#first.header, nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws SealedTextError */
  open(sealed: Uint8Array, context: SealContext): string {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const keyId = keyIdOf(bytes);
    const key = this.#byId.get(keyId);
    if (!key) throw new SealedTextError('unknown_key');
    const nonceAt = key.header.length;
    const tagAt = nonceAt + NONCE_BYTES;
    const textAt = tagAt + TAG_BYTES;
    if (bytes.length < textAt) throw new SealedTextError('malformed');
    const nonce = bytes.subarray(nonceAt, tagAt);
    const decipher = createDecipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData(context));
    decipher.setAuthTag(bytes.subarray(tagAt, textAt));
    try {
      const text = decipher.update(bytes.subarray(textAt));
      // Checks the tag; there is no more text to come.
      decipher.final();
      return text.toString('utf8');
    } catch {
      throw new SealedTextError('tampered');
    }
  }
}

/** Id of the key that sealed it, without opening it. @throws SealedTextError */
function keyIdOf(bytes: Buffer): string {
  const length = bytes[1];
  if (bytes[0] !== VERSION || length === undefined || length === 0 || bytes.length < 2 + length) {
    throw new SealedTextError('malformed');
  }
  return bytes.toString('latin1', 2, 2 + length);
}

function ringKey({ id, key }: EncryptionKey): RingKey {
  const secret = Buffer.from(key, 'base64');
  if (!/^[A-Za-z0-9_-]{1,32}$/.test(id) || secret.length !== KEY_BYTES) {
    throw new NowggConfigurationError('tokens.encryptionKeys needs ids of 1 to 32 characters and keys of 32 bytes');
  }
  const idBytes = Buffer.from(id, 'latin1');
  const sessionKey = Buffer.from(hkdfSync('sha256', secret, '', 'nestjs-nowgg-auth session handle v1', KEY_BYTES));
  return { id, secret, header: Buffer.concat([Buffer.from([VERSION, idBytes.length]), idBytes]), sessionKey };
}

/** Length-prefixed, so that no two contexts have the same bytes. */
function additionalData({ purpose, id, clientKey, generation }: SealContext): Buffer {
  const parts = [purpose, id, clientKey, String(generation)];
  const bytes = Buffer.alloc(parts.reduce((sum, part) => sum + LENGTH_BYTES + Buffer.byteLength(part), 0));
  let at = 0;
  for (const part of parts) {
    const length = bytes.write(part, at + LENGTH_BYTES);
    bytes.writeUInt32BE(length, at);
    at += LENGTH_BYTES + length;
  }
  return bytes;
}
