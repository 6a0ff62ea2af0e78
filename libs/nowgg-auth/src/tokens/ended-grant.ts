import type { GrantRecord } from './grant-record.js';

/** Whether a grant still has its ciphertexts. */
export function hasText({ refreshCt }: GrantRecord): boolean {
  return refreshCt.length > 0;
}

/**
 * A grant as its ciphertexts were sealed: ending it raised the session version and sealed nothing anew. Takes a row as it
 * was just before the end as well as the row of an ended grant.
 */
export function asSealed(grant: GrantRecord): GrantRecord {
  return grant.state === 'revoked' ? { ...grant, sessionVersion: grant.sessionVersion - 1 } : grant;
}
