import { createHash, hash as oneShotHash } from 'node:crypto';

/** Fingerprint of a token in the format of the stores: SHA-256 as 43 base64url characters. */
export function credentialIdOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** Converts a stored fingerprint to the format of the verification caches: 32 one-byte characters. */
export function digestOfCredentialId(credentialId: string): string {
  return Buffer.from(credentialId, 'base64url').toString('latin1');
}

/**
 * SHA-256 of the whole token as 32 one-byte characters. It distinguishes tokens and does not reveal them.
 * The input is never truncated: tokens with the same beginning have different digests.
 */
export const tokenDigest: (token: string) => string =
  // Newer Node versions have a one-shot form, which saves an object per call.
  typeof oneShotHash === 'function'
    ? (token) => oneShotHash('sha256', token, 'binary')
    : (token) => createHash('sha256').update(token).digest('binary');
