import type { NowggGrant } from './grant.js';
import type { GrantRecord } from './grant-record.js';

/** The view of a stored grant that applications get. */
export function grantOf(record: GrantRecord): NowggGrant {
  const { id, provider, userId, sessionId, state, generation, accessTokenExpiresAtMs, refreshTokenExpiresAtMs } =
    record;
  return {
    id,
    provider,
    userId,
    ...(sessionId !== undefined && { sessionId }),
    state,
    generation,
    ...(accessTokenExpiresAtMs !== undefined && { accessTokenExpiresAt: new Date(accessTokenExpiresAtMs) }),
    ...(refreshTokenExpiresAtMs !== undefined && { refreshTokenExpiresAt: new Date(refreshTokenExpiresAtMs) }),
    createdAt: new Date(record.createdAtMs),
  };
}
