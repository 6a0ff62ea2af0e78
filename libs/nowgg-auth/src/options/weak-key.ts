const KEY_BYTES = 32;
/** What to do about a weak key. */
export const RANDOM_KEY = 'use 32 random bytes, for example of openssl rand -base64 32';
/** A random key has at most this many different bytes with a probability of 2^-74. */
const FEWEST_DIFFERENT = 12;
/** A random key has one byte this often with a probability of 2^-67. */
const MOST_OF_ONE_BYTE = 12;
const LONGEST_PATTERN = 16;
/** 69 characters: a random key has no others with a probability of 2^-60.5. Longer alphabets would refuse good keys. */
const TEXT = /^[A-Za-z0-9+/=_. -]+$/;
const PRINTABLE = /^[\x20-\x7e]+$/;

/**
 * Which rule for random keys these 32 bytes break; undefined when they may well be random. Only what a random generator
 * makes with a probability below 2^-60, all rules together, counts as weak. A strong-looking key proves nothing.
 *
 * @returns a fixed text that follows "the key"
 */
export function weaknessOf(key: Uint8Array): string | undefined {
  const bytes = Buffer.from(key);
  if (bytes.length !== KEY_BYTES) return undefined;
  if (isText(bytes)) return 'is text, such as hexadecimal digits or a pass phrase';
  if (new Set(bytes).size <= FEWEST_DIFFERENT) return 'has too few different bytes';
  if (mostFrequent(bytes) > MOST_OF_ONE_BYTE) return 'repeats one byte too often';
  if (hasPattern(bytes)) return 'repeats a pattern';
  if (isProgression(bytes)) return 'counts up or down';
  return undefined;
}

/** Text as it is or filled up with zero bytes. Punctuation is told from chance only with three of those. */
function isText(bytes: Buffer): boolean {
  const begin = bytes.findIndex((byte) => byte !== 0);
  if (begin === -1) return false;
  const text = bytes.toString('latin1', begin, bytes.findLastIndex((byte) => byte !== 0) + 1);
  return TEXT.test(text) || (bytes.length - text.length >= 3 && PRINTABLE.test(text));
}

function mostFrequent(bytes: Uint8Array): number {
  const counts = new Map<number, number>();
  for (const byte of bytes) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  return Math.max(...counts.values());
}

function hasPattern(bytes: Buffer): boolean {
  for (let length = 1; length <= LONGEST_PATTERN; length += 1) {
    if (bytes.subarray(length).equals(bytes.subarray(0, bytes.length - length))) return true;
  }
  return false;
}

/** Each byte differs from the one before by the same amount. */
function isProgression(bytes: Uint8Array): boolean {
  const step = byteAt(bytes, 1) - byteAt(bytes, 0);
  return bytes.every((byte, at) => at === 0 || ((byte - byteAt(bytes, at - 1) - step) & 0xff) === 0);
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
