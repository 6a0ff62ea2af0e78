import type { GrantRecord } from './grant-record.js';

/** Whether a grant has not ended: it can be refreshed, or its access token can still be used. */
export function isLive({ state }: Pick<GrantRecord, 'state'>): boolean {
  return state === 'active' || state === 'suspect';
}

/** Whether a grant still has its ciphertexts. */
export function hasText({ refreshCiphertext }: GrantRecord): boolean {
  return refreshCiphertext.length > 0;
}

/**
 * Returns a grant as it was just before it ended, which is what its ciphertexts were encrypted for: ending it raised
 * the session version and re-encrypted nothing. A grant that has not ended is returned as it is.
 */
export function asSealed(grant: GrantRecord): GrantRecord {
  if (grant.state !== 'revoked') return grant;
  return { ...grant, state: 'active', sessionVersion: grant.sessionVersion - 1 };
}
