import { isLive } from './ended-grant.js';
import type { GrantState } from './grant.js';
import type { VaultCounts } from './vault-record.js';

/** Grants that are alike in everything that is counted. */
export interface CountedGrants {
  readonly state: GrantState;
  /** Id of the key that sealed their tokens; null where the tokens were wiped. */
  readonly keyId: string | null;
  /** Whether their tokens are sealed in the first version. */
  readonly isFirstVersion: boolean;
  /** Id of the key under which their session handles were made; null when not known. */
  readonly handleKeyId: string | null;
  readonly count: number;
}

/** Adds up what {@link VaultCounts} tells of grants. */
export function countGrants(rows: Iterable<CountedGrants>): Omit<VaultCounts, 'exchanges'> {
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
