import type { RefreshTokenIdle } from '../identity/identity-provider.js';
import type { GrantRecord } from '../tokens/store/grant-record.js';
import { EARLIEST_SHARE, FIRST_SHARE, LATEST_SHARE, SHORTEST_LIFE_MS } from '../tokens/store/lapsing.js';
import { FIRST_GENERATION } from '../tokens/store/grant-record.js';

type ScheduledGrant = Pick<
  GrantRecord,
  'id' | 'generation' | 'accessObtainedAtMs' | 'accessTokenExpiresAtMs' | 'refreshTokenExpiresAtMs'
>;

/**
 * When the refresh token of a grant lapses if nothing uses it, in epoch milliseconds of the store's clock. Undefined when
 * that is not known.
 */
export function lapsesAtMs(grant: ScheduledGrant, idle: RefreshTokenIdle | undefined): number | undefined {
  const { accessObtainedAtMs, accessTokenExpiresAtMs, refreshTokenExpiresAtMs } = grant;
  const usedAtMs =
    idle?.since === 'access_expiry'
      ? Math.max(accessObtainedAtMs, accessTokenExpiresAtMs ?? accessObtainedAtMs)
      : accessObtainedAtMs;
  const lapses = Math.min(refreshTokenExpiresAtMs ?? Infinity, idle ? usedAtMs + idle.ms : Infinity);
  return Number.isFinite(lapses) ? lapses : undefined;
}

/**
 * When an idle grant is renewed: in the last twentieth of the life of its refresh token, so that few calls are more than
 * needed, and 2 % of the life before its end at the latest, so that there is time for an outage. The moment in between
 * differs by grant and generation. Only the first renewal of a grant may come much earlier: grants that were made together
 * are renewed over days from then on.
 *
 * @returns undefined when the grant needs no renewal, or its refresh token lives for less than a day
 */
export function renewalAtMs(grant: ScheduledGrant, idle: RefreshTokenIdle | undefined): number | undefined {
  const lapses = lapsesAtMs(grant, idle);
  if (lapses === undefined) return undefined;
  const lifeMs = lapses - grant.accessObtainedAtMs;
  if (lifeMs < SHORTEST_LIFE_MS) return undefined;
  const earliest = grant.generation === FIRST_GENERATION ? FIRST_SHARE : EARLIEST_SHARE;
  return lapses - lifeMs * (LATEST_SHARE + (earliest - LATEST_SHARE) * spreadOf(grant));
}

/** A number from 0 to 1, the same in every process. */
function spreadOf({ id, generation }: Pick<GrantRecord, 'id' | 'generation'>): number {
  const place = Number.parseInt(id.slice(-8), 16);
  // As the database computes it.
  if (generation === FIRST_GENERATION) return place / 2 ** 32;
  let mixed = place ^ Math.imul(generation, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}
