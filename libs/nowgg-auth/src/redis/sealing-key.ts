import { NowggConfigurationError } from '../errors.js';
import { randomKeyFaults } from '../options/key-rules.js';
import { refuse } from '../rules.js';
import { hkdfSync } from 'node:crypto';

/**
 * Validates the shared cache's own key and derives the encryption key from it; undefined without one.
 *
 * @throws NowggConfigurationError when it is not 32 random bytes in base64; its value never appears
 */
export function ownSealingKey(given: unknown): Uint8Array | undefined {
  if (given === undefined || given === null) return undefined;
  refuse(randomKeyFaults(given, 'redisSharedCache key'));
  return derivedKey(Buffer.from(given as string, 'base64'), 'own key');
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
