import type { GrantRecord, NewGrant } from './grant-record.js';

/** A grant as it begins: active, generation 1, nobody at it. */
export function newGrantRecord(grant: NewGrant, nowMs: number): GrantRecord {
  return {
    ...grant,
    handleKeyId: grant.handleKeyId,
    originMac: grant.originMac,
    state: 'active',
    generation: FIRST_GENERATION,
    sessionVersion: FIRST_SESSION_VERSION,
    accessObtainedAtMs: nowMs,
    leaseOwner: undefined,
    leaseUntilMs: undefined,
    attemptStartedAtMs: undefined,
    failCount: 0,
    failCode: undefined,
    failCountedAtMs: undefined,
    nextAttemptAtMs: undefined,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    readAtMs: nowMs,
  };
}

/** The generation for which a new grant's tokens are sealed. */
export const FIRST_GENERATION = 1;

/** The session version for which a new grant's tokens are sealed. */
export const FIRST_SESSION_VERSION = 1;
