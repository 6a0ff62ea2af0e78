import { NowggConfigurationError } from '../errors.js';
import { RANDOM_KEY, weaknessOf } from '../options/weak-key.js';
import { publishSecurityEvent } from '../events/security-events.js';
import { hkdfSync } from 'node:crypto';

/** 32 bytes are 43 characters and one padding character; the last character before it has four significant bits. */
const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/**
 * Validates the shared cache's own key and derives the encryption key from it; undefined without one.
 *
 * @throws NowggConfigurationError when it is not 32 random bytes in base64; its value never appears
 */
export function ownSealingKey(given: unknown): Uint8Array | undefined {
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'string' || !BASE64_OF_32_BYTES.test(given)) {
    throw new NowggConfigurationError('redisSharedCache key must be 32 bytes in base64');
  }
  const bytes = Buffer.from(given, 'base64');
  const weakness = weaknessOf(bytes);
  if (weakness !== undefined) throw weakKey(weakness);
  return derivedKey(bytes, 'own key');
}

function weakKey(weakness: string): NowggConfigurationError {
  const detail = `redisSharedCache key ${weakness}`;
  publishSecurityEvent({ type: 'refused_key', detail });
  return new NowggConfigurationError(`${detail}: ${RANDOM_KEY}`);
}

/** Requires a key. @throws NowggConfigurationError when the shared cache has no own key and the module has none */
export function requireSealingKey(key: Uint8Array | undefined): Uint8Array {
  if (key) return key;
  throw new NowggConfigurationError(
    'redisSharedCache needs a key to encrypt its values: set tokens.encryptionKeys, or give it a separate key, ' +
      'redisSharedCache({ url, key }), where key is 32 random bytes in base64, the same in all processes; make one with ' +
      "node -e \"console.log(require('node:crypto').randomBytes(32).toString('base64'))\"",
  );
}

/** Derives a key for one purpose, so that its values cannot be used for another. */
export function derivedKey(sealingKey: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', sealingKey, '', `nestjs-nowgg-auth shared cache ${purpose} v1`, 32));
}
