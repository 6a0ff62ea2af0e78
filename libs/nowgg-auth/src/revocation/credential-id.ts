import { createHash } from 'node:crypto';

/** Fingerprint of a token: SHA-256 as 43 base64url characters. The token cannot be had back from it. */
export function credentialIdOf(token: string): string {
  return createHash('sha256').update('nowgg-credential:').update(token).digest('base64url');
}
