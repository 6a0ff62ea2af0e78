const KEY_BYTES = 32;
/** The probability that a random key has at most this many different bytes is 2^-74. */
const FEWEST_DIFFERENT = 12;
/** The probability that one byte occurs more often than this in a random key is 2^-67. */
const MOST_OF_ONE_BYTE = 12;
const LONGEST_PATTERN = 16;
/** 69 characters: a random key has no others with a probability of 2^-60.5. More would refuse too many random keys. */
const TEXT = /^[A-Za-z0-9+/=_. -]+$/;
const PRINTABLE = /^[\x20-\x7e]+$/;

/**
 * The rule for random keys that these 32 bytes break; undefined when they may be random. A key counts as weak only when
 * a random generator makes such a key with a probability below 2^-60, all rules together. A key that passes may still
 * be weak.
 *
 * @returns a fixed text that continues "the key …"
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

/** Whether the key is text, with or without zero padding. Punctuation counts only with three or more zero bytes. */
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

/** Whether each byte differs from the one before by the same amount. */
function isProgression(bytes: Uint8Array): boolean {
  const step = byteAt(bytes, 1) - byteAt(bytes, 0);
  return bytes.every((byte, at) => at === 0 || ((byte - byteAt(bytes, at - 1) - step) & 0xff) === 0);
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}
