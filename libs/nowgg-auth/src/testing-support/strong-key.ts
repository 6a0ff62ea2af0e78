import { createHash } from 'node:crypto';

/** 32 bytes in base64 that pass for random, the same for the same number. For tests. */
export function strongKey(number: number): string {
  return createHash('sha256').update(`key ${number}`).digest('base64');
}
