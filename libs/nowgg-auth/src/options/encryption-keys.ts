import { NowggConfigurationError } from '../errors.js';
import type { EncryptionKey } from './options.js';

/** 44 characters of base64 are 32 bytes. */
const PAIR = /^\s*([A-Za-z0-9_-]{1,32}):([A-Za-z0-9+/]{43}=)\s*$/;

/**
 * Reads a key ring from one text, as an environment variable holds it: `id:base64` for each key, separated by commas. The
 * first key encrypts. `npx nestjs-nowgg-auth key` prints such a pair.
 *
 * @returns no keys for undefined and for a text without characters, which the module then refuses by the option's name
 * @throws NowggConfigurationError without the value, when the text cannot be read
 *
 * @example
 * ```ts
 * import { memoryTokenStore, NowggAuthModule, parseEncryptionKeys } from 'nestjs-nowgg-auth';
 *
 * export const auth = NowggAuthModule.forRootAsync({
 *   tokenStore: memoryTokenStore(),
 *   useFactory: () => ({
 *     clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *     clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *     tokens: { encryptionKeys: parseEncryptionKeys(process.env.NOWGG_ENCRYPTION_KEYS) },
 *   }),
 * });
 * ```
 */
export function parseEncryptionKeys(text: string | undefined): EncryptionKey[] {
  if (text === undefined || text.trim() === '') return [];
  return text.split(',').map((pair) => {
    const [, id, key] = PAIR.exec(pair) ?? [];
    if (id !== undefined && key !== undefined) return { id, key };
    throw new NowggConfigurationError(
      'encryption keys cannot be read: an id, a colon and 32 bytes in base64 for each key, separated by commas',
    );
  });
}
