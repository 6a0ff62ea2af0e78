import { hkdfSync } from 'node:crypto';

/** Derives a key for one purpose, so that its values cannot be used for another. */
export function derivedKey(sealingKey: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', sealingKey, '', `nestjs-nowgg-auth shared cache ${purpose} v1`, 32));
}
