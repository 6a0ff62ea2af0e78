import { NowggConfigurationError } from '../errors.js';
import { RANDOM_KEY, weaknessOf } from '../options/weak-key.js';
import { publishSecurityEvent } from '../events/security-events.js';
import { derivedKey } from './derived-key.js';

/** 32 bytes are 43 characters and one of padding; the last character carries four bits. */
const BASE64_OF_32_BYTES = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/**
 * Judges the key that was given to the shared cache itself.
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

/** @throws NowggConfigurationError when there is neither a key of its own nor one of the module */
export function requireSealingKey(key: Uint8Array | undefined): Uint8Array {
  if (key) return key;
  throw new NowggConfigurationError(
    'redisSharedCache needs a key to seal its values with: set tokens.encryptionKeys, or give it a key of its own, ' +
      'redisSharedCache({ url, key }), where key is 32 random bytes in base64, the same in all processes; make one with ' +
      "node -e \"console.log(require('node:crypto').randomBytes(32).toString('base64'))\"",
  );
}
