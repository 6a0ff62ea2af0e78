import { isLive } from './grant-record.js';
import type { GrantState } from './grant.js';
import type { VaultCounts } from './vault-record.js';

/** A group of grants that are equal in every counted property. */
export interface CountedGrants {
  readonly state: GrantState;
  /** Id of the key that encrypted their tokens; null where the tokens were wiped. */
  readonly keyId: string | null;
  /** Whether their tokens are encrypted in the first version. */
  readonly isFirstVersion: boolean;
  /** Id of the key that made their session handles; null when unknown. */
  readonly handleKeyId: string | null;
  readonly count: number;
}

/** Adds up the grant counts of {@link VaultCounts}. */
export function countGrants(rows: Iterable<CountedGrants>): Omit<VaultCounts, 'clients' | 'exchanges'> {
  const byState = { active: 0, suspect: 0, needs_reauth: 0, revoked: 0 };
  const byKeyId: Record<string, number> = {};
  const firstVersionByKeyId: Record<string, number> = {};
  const sessionsByKeyId: Record<string, number> = {};
  let sessionsOfUnknownKey = 0;
  for (const row of rows) {
    const { state, keyId, isFirstVersion, handleKeyId, count } = row;
    byState[state] += count;
    if (isLive(row) && handleKeyId === null) sessionsOfUnknownKey += count;
    if (isLive(row) && handleKeyId !== null) add(sessionsByKeyId, handleKeyId, count);
    if (keyId === null) continue;
    add(byKeyId, keyId, count);
    if (isFirstVersion) add(firstVersionByKeyId, keyId, count);
  }
  return { byState, byKeyId, firstVersionByKeyId, sessionsByKeyId, sessionsOfUnknownKey };
}

function add(counts: Record<string, number>, name: string, count: number): void {
  counts[name] = (counts[name] ?? 0) + count;
}
