import { createHmac } from 'node:crypto';

/** Length of a fingerprint in base64url characters: 132 bits. */
const LENGTH = 22;

/**
 * Returns a text that is the same wherever a client has the same secret, and from which nothing about the secret can be
 * learned without the key.
 */
export function fingerprintSecret(key: Uint8Array, clientKey: string, secret: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify([clientKey, secret]))
    .digest('base64url')
    .slice(0, LENGTH);
}
