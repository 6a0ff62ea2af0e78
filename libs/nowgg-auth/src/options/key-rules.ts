import { publishSecurityEvent } from '../events/security-events.js';
import { arrayOf, faultsOf, isRecord, matching, type Rules } from '../rules.js';
import type { EncryptionKey } from './options.js';
import { weaknessOf } from './weak-key.js';

/** 32 bytes are 43 characters and one padding character; the last character before it has four significant bits. */
const isKey = matching(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/);

const KEY: Rules<keyof EncryptionKey> = {
  id: [matching(/^[A-Za-z0-9_-]{1,32}$/), 'must be 1 to 32 characters of A-Z a-z 0-9 _ -', 'required'],
  key: [isKey, 'must be 32 bytes in base64', 'required'],
};
/** Only the first key must look random: a weak key after it can still decrypt, so that rotation can replace it. */
const FIRST_KEY = { ...KEY, key: randomKeyFaults };

/** Faults of the key ring. A weak first key is also a security event. */
export function keyRingFaults(keys: unknown, path: string): string[] {
  if (!arrayOf(() => true, 1)(keys)) return [`${path} must be an array of at least one key`];
  const faults = keys.flatMap((key, index) => faultsOf(index === 0 ? FIRST_KEY : KEY, key, `${path}[${index}].`));
  if (repeats(keys, 'id')) faults.push(`${path} has one id twice`);
  if (repeats(keys, 'key')) faults.push(`${path} has one key under two ids`);
  return faults;
}

/** Faults of a key that must be random. A weak key is also a security event. */
export function randomKeyFaults(key: unknown, name: string): string[] {
  if (!isKey(key)) return [`${name} must be 32 bytes in base64`];
  const weakness = weaknessOf(Buffer.from(key as string, 'base64'));
  if (weakness === undefined) return [];
  publishSecurityEvent({ type: 'refused_key', detail: `${name} ${weakness}` });
  return [`${name} ${weakness}: use 32 random bytes, for example from openssl rand -base64 32`];
}

function repeats(keys: readonly unknown[], part: keyof EncryptionKey): boolean {
  const values = keys
    .filter(isRecord)
    .map((key) => key[part])
    .filter((value) => typeof value === 'string');
  return new Set(values).size < values.length;
}
