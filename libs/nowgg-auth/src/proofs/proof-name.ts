import { hash } from 'node:crypto';

/** Names a proof among all of all keys, as 43 base64url characters. Says nothing about the key. */
export function proofName(thumbprint: string, id: string): string {
  return hash('sha256', JSON.stringify(['dpop', thumbprint, id]), 'base64url');
}
