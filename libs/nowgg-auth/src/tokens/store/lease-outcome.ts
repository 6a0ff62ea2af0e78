import type { GrantRecord, LeaseRequest, LeaseResult } from './grant-record.js';

/**
 * Returns the outcome of a lease request for a row as it was at `grant.readAtMs`. A store that decides in a statement
 * uses it to name the reason when the statement did not take the lease.
 */
export function classifyLease(
  grant: GrantRecord,
  { generation, quietMs }: Pick<LeaseRequest, 'generation' | 'quietMs'>,
): Exclude<LeaseResult['outcome'], 'missing'> {
  const now = grant.readAtMs;
  if (grant.state !== 'active' && grant.state !== 'suspect') return 'not_active';
  if (grant.generation !== generation) return 'already_fresh';
  if (grant.leaseUntilMs !== undefined && grant.leaseUntilMs > now) return 'held';
  if (grant.nextAttemptAtMs !== undefined && grant.nextAttemptAtMs > now) return 'not_yet';
  if (quietMs > 0 && grant.updatedAtMs > now - quietMs) return 'not_yet';
  return 'acquired';
}
