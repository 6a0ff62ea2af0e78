import type { GrantRecord, NewGrant } from './grant-record.js';

/** A newly created grant: active, generation 1, no lease. */
export function newGrantRecord(grant: NewGrant, nowMs: number, begunAtMs = nowMs): GrantRecord {
  const { id, provider, clientKey, userId, sessionId, refreshCiphertext, accessCiphertext, ...times } = grant;
  const { accessTokenExpiresAtMs, refreshTokenExpiresAtMs } = times;
  return {
    id,
    provider,
    clientKey,
    userId,
    sessionId,
    refreshCiphertext,
    accessCiphertext,
    accessTokenExpiresAtMs,
    refreshTokenExpiresAtMs,
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
    begunAtMs,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    readAtMs: nowMs,
  };
}

/** The generation for which a new grant's tokens are encrypted. */
export const FIRST_GENERATION = 1;

/** The session version for which a new grant's tokens are encrypted. */
export const FIRST_SESSION_VERSION = 1;
