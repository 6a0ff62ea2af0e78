import type { NowggGrant } from './grant.js';
import type { GrantRecord } from './grant-record.js';

/** What applications see of a stored grant. */
export function grantOf(record: GrantRecord): NowggGrant {
  const { id, provider, userId, sessionId, state, generation, accessNotAfterMs, refreshNotAfterMs } = record;
  return {
    id,
    provider,
    userId,
    ...(sessionId !== undefined && { sessionId }),
    state,
    generation,
    ...(accessNotAfterMs !== undefined && { accessTokenExpiresAt: new Date(accessNotAfterMs) }),
    ...(refreshNotAfterMs !== undefined && { refreshTokenExpiresAt: new Date(refreshNotAfterMs) }),
    createdAt: new Date(record.createdAtMs),
  };
}
