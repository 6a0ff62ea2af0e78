import { hkdfSync } from 'node:crypto';

/** A key for one purpose: what is made with it can be taken for nothing else. */
export function derivedKey(sealingKey: Uint8Array, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', sealingKey, '', `nestjs-nowgg-auth shared cache ${purpose} v1`, 32));
}
