import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyRing, SessionKey } from './key-ring.js';

const LABEL = 'nestjs-nowgg-auth grant origin v1';

/**
 * Ties a grant to the code that it was made from. The row of a claimed code names its grant in the clear: without this,
 * a database writer could let a code of their own lead to the grant of another player.
 */
export function originMac(ring: KeyRing, codeHash: string, grantId: string): Buffer {
  return macUnder((ring.derivedKeys(LABEL)[0] as SessionKey).key, codeHash, grantId);
}

/** Whether a grant was made from this code, under any key of the ring. */
export function isOrigin(ring: KeyRing, mac: Uint8Array | undefined, codeHash: string, grantId: string): boolean {
  return ring.derivedKeys(LABEL).some(({ key }) => {
    const expected = macUnder(key, codeHash, grantId);
    return mac?.length === expected.length && timingSafeEqual(expected, mac);
  });
}

/** A grant id has a fixed length, so no two pairs have the same bytes. */
function macUnder(key: Uint8Array, codeHash: string, grantId: string): Buffer {
  return createHmac('sha256', key).update(grantId).update(codeHash).digest();
}
