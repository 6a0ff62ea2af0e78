import { createHash, hash as oneShotHash } from 'node:crypto';

/** Fingerprint of a token as a store keeps it: SHA-256 as 43 base64url characters. */
export function credentialIdOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** The same fingerprint as 32 one-byte characters: how verification keeps it. */
export function digestOfCredentialId(credentialId: string): string {
  return Buffer.from(credentialId, 'base64url').toString('latin1');
}

/**
 * SHA-256 of the whole token as 32 one-byte characters: tells tokens apart, and the token cannot be had back from it.
 * Never truncated: tokens that share their beginning never share a digest.
 */
export const tokenDigest: (token: string) => string =
  // Node has a one-shot form, which spares an object per call.
  typeof oneShotHash === 'function'
    ? (token) => oneShotHash('sha256', token, 'binary')
    : (token) => createHash('sha256').update(token).digest('binary');
