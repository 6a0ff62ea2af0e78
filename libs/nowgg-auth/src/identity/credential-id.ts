import { createHash } from 'node:crypto';

/** Fingerprint of a token as a store keeps it: SHA-256 as 43 base64url characters. */
export function credentialIdOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** The same fingerprint as 32 one-byte characters: how verification keeps it. */
export function digestOfCredentialId(credentialId: string): string {
  return Buffer.from(credentialId, 'base64url').toString('latin1');
}
