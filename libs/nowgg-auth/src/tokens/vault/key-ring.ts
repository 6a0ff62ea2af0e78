import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { EncryptionKey } from '../../options/options.js';
import { keyRingFaults } from '../../options/key-rules.js';
import { weaknessOf } from '../../options/weak-key.js';
import { refuse } from '../../rules.js';

/**
 * The values that a ciphertext is bound to. It cannot be decrypted in any other row, column, provider, client or
 * generation, nor for another user or session version.
 */
export interface SealContext {
  readonly purpose: 'access' | 'refresh' | 'exchange' | 'authorization' | 'handoff' | 'key-check';
  /** Grant id, or hash of the code or state. */
  readonly id: string;
  /** Name of the identity provider. */
  readonly provider: string;
  readonly clientKey: string;
  /** Empty where the text belongs to no user yet. */
  readonly userId: string;
  /** 0 where the text belongs to no grant. */
  readonly sessionVersion: number;
  /** 0 where the text belongs to no grant. */
  readonly generation: number;
}

/** The version of a ciphertext, its first byte. Version 1 is not bound to the provider, user or session version. */
type SealVersion = 1 | 2;

/**
 * Reason why a ciphertext cannot be decrypted.
 * - `malformed`: cut, empty, or of a version that this release does not know or that is closed.
 * - `unknown_key`: encrypted under a key that is not in the ring.
 * - `tampered`: changed, or moved here from another row, column or generation, or the row was relabelled.
 */
export type SealedTextFault = 'malformed' | 'unknown_key' | 'tampered';

/** A ciphertext cannot be decrypted. Internal: callers get a `NowggAuthError` in its place. */
export class SealedTextError extends Error {
  readonly fault: SealedTextFault;

  constructor(fault: SealedTextFault) {
    super(`a ciphertext cannot be decrypted: ${fault}`);
    this.name = 'SealedTextError';
    this.fault = fault;
  }
}

interface RingKey {
  readonly id: string;
  readonly secret: Buffer;
  /** The first bytes of every ciphertext under this key. */
  readonly header: Buffer;
}

/** Options for ciphertexts of older versions. */
export interface KeyRingOptions {
  /** Whether ciphertexts of the first version can be decrypted. Default true. */
  readonly openFirstVersion?: boolean;
}

/** A key for one kind of HMAC, and the ring key that it is derived from. */
export interface SessionKey {
  readonly keyId: string;
  readonly key: Uint8Array;
}

const SEALING_VERSION: SealVersion = 2;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const LENGTH_BYTES = 4;

/**
 * Encrypts and decrypts with AES-256-GCM. A ciphertext is `version | length of key id | key id | nonce | tag | text`;
 * the first key of the ring encrypts, every key can decrypt. There is no plaintext fallback.
 */
export class KeyRing {
  readonly #first: RingKey;
  readonly #byId: ReadonlyMap<string, RingKey>;
  readonly #derived = new Map<string, readonly SessionKey[]>();
  readonly #opensFirstVersion: boolean;

  /** @throws NowggConfigurationError when there is no key, one is not 32 bytes of base64, or the first is weak */
  constructor(keys: readonly EncryptionKey[], { openFirstVersion = true }: KeyRingOptions = {}) {
    this.#opensFirstVersion = openFirstVersion;
    refuse(keyRingFaults(keys, 'tokens.encryptionKeys'));
    const ring = keys.map(ringKey);
    this.#first = ring[0] as RingKey;
    this.#byId = new Map(ring.map((key) => [key.id, key]));
  }

  /** Id of the first key, which encrypts. */
  get sealingKeyId(): string {
    return this.#first.id;
  }

  /** The keys after the first one that do not look random. They can still decrypt. */
  get weakKeys(): readonly { readonly keyId: string; readonly weakness: string }[] {
    return [...this.#byId.values()].flatMap(({ id, secret }) => {
      const weakness = weaknessOf(secret);
      return weakness === undefined ? [] : [{ keyId: id, weakness }];
    });
  }

  /** The first bytes of every ciphertext that is made now: version and key id. */
  get sealingHeader(): Uint8Array {
    return this.#first.header;
  }

  /** Ids of all keys, that of the first key first. */
  get keyIds(): readonly string[] {
    return [...this.#byId.keys()];
  }

  has(keyId: string): boolean {
    return this.#byId.has(keyId);
  }

  /** One key for session handles from each key of the ring, that of the first key first. */
  get sessionKeys(): readonly SessionKey[] {
    return this.derivedKeys('nestjs-nowgg-auth session handle v1');
  }

  /**
   * The key of fingerprints of client secrets. It does not depend on the order of the ring: processes with the old and
   * the new first key recognise the same secret.
   */
  get secretFingerprintKey(): Uint8Array {
    const keys = this.derivedKeys('nestjs-nowgg-auth client secret v1').toSorted((a, b) =>
      a.keyId < b.keyId ? -1 : 1,
    );
    return (keys[0] as SessionKey).key;
  }

  /** A key derived for this purpose from each key of the ring, that of the first key first. */
  derivedKeys(purpose: string): readonly SessionKey[] {
    const known = this.#derived.get(purpose);
    if (known) return known;
    const derived = [...this.#byId.values()].map(({ id, secret }) => ({
      keyId: id,
      key: Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES)),
    }));
    this.#derived.set(purpose, derived);
    return derived;
  }

  seal(text: string, context: SealContext): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#first.secret, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalDataOf(context, SEALING_VERSION));
    const sealed = cipher.update(text, 'utf8');
    // GCM adds no padding: there is no more output.
    cipher.final();
    return Buffer.concat([this.#first.header, nonce, cipher.getAuthTag(), sealed]);
  }

  /** @throws SealedTextError */
  open(sealed: Uint8Array, context: SealContext): string {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    const version = this.#versionOf(bytes, context);
    const keyId = keyIdOf(bytes);
    const key = this.#byId.get(keyId);
    if (!key) throw new SealedTextError('unknown_key');
    const nonceAt = key.header.length;
    const tagAt = nonceAt + NONCE_BYTES;
    const textAt = tagAt + TAG_BYTES;
    if (bytes.length < textAt) throw new SealedTextError('malformed');
    const nonce = bytes.subarray(nonceAt, tagAt);
    const decipher = createDecipheriv('aes-256-gcm', key.secret, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalDataOf(context, version));
    decipher.setAuthTag(bytes.subarray(tagAt, textAt));
    try {
      const text = decipher.update(bytes.subarray(textAt));
      // Checks the tag; there is no more output.
      decipher.final();
      return text.toString('utf8');
    } catch {
      throw new SealedTextError('tampered');
    }
  }

  /**
   * Returns the version. A key check only proves which key it is and belongs to no row: both versions are accepted for
   * it.
   */
  #versionOf(bytes: Buffer, { purpose }: SealContext): SealVersion {
    if (bytes[0] === SEALING_VERSION) return SEALING_VERSION;
    if (bytes[0] === 1 && (this.#opensFirstVersion || purpose === 'key-check')) return 1;
    throw new SealedTextError('malformed');
  }
}

/** Id of the key of a ciphertext, without decrypting it. @throws SealedTextError */
function keyIdOf(bytes: Buffer): string {
  const length = bytes[1];
  if (length === undefined || length === 0 || bytes.length < 2 + length) throw new SealedTextError('malformed');
  return bytes.toString('latin1', 2, 2 + length);
}

function ringKey({ id, key }: EncryptionKey): RingKey {
  const secret = Buffer.from(key, 'base64');
  const idBytes = Buffer.from(id, 'latin1');
  return { id, secret, header: Buffer.concat([Buffer.from([SEALING_VERSION, idBytes.length]), idBytes]) };
}

/** The additional data of AES-GCM. Each part has its length in front, so that no two contexts have the same bytes. */
function additionalDataOf(context: SealContext, version: SealVersion): Buffer {
  const parts = partsOf(context, version);
  const bytes = Buffer.alloc(parts.reduce((sum, part) => sum + LENGTH_BYTES + Buffer.byteLength(part), 0));
  let at = 0;
  for (const part of parts) {
    const length = bytes.write(part, at + LENGTH_BYTES);
    bytes.writeUInt32BE(length, at);
    at += LENGTH_BYTES + length;
  }
  return bytes;
}

function partsOf(context: SealContext, version: SealVersion): readonly string[] {
  const { purpose, id, provider, clientKey, userId, sessionVersion, generation } = context;
  if (version === 1) return [purpose, id, clientKey, String(generation)];
  return [purpose, id, provider, clientKey, userId, String(sessionVersion), String(generation)];
}
