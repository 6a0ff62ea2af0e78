import type { ClientHistory } from '../calls/client-history.js';
import type { RefreshTiming } from '../calls/refresh-timing.js';
import { type ClientStanding, isInDoubt } from '../store/client-standing.js';
import type { GrantRecord, LeaseRequest } from '../store/grant-record.js';
import type { TokenStore } from '../store/token-store.js';

/** What the standing of a client secret allows: a lease under these conditions, or no call for some time. */
export type ClientPermit =
  | ({ readonly standing: ClientStanding | undefined } & Pick<LeaseRequest, 'pausesEndedAtMs'>)
  | { readonly retryInMs: number };

/** A success may end the doubt at any moment. */
const LONGEST_WAIT_MS = 5_000;

/**
 * Decides whether a client secret may be used for another refresh. While the secret is in doubt, all processes together
 * make one designated attempt a second, for another grant each time. The first success after that ends the pauses of the
 * grants that were refused before it: each of them is tried again when its player next asks, once.
 */
export async function permitOf(
  grant: GrantRecord,
  history: ClientHistory,
  store: TokenStore,
  { designatedEveryMs, designatedApartMs }: RefreshTiming,
): Promise<ClientPermit> {
  let standing = await history.standing();
  // The last success before a suspect grant is asked about again is evidence.
  if (grant.state === 'suspect' && !(standing && isInDoubt(standing))) standing = await history.current();
  if (!standing || !isInDoubt(standing)) return { standing, pausesEndedAtMs: standing?.recoveredAtMs };
  // An attempt that is not in progress wrote the row at its end.
  const waitMs = grant.updatedAtMs + designatedApartMs - grant.readAtMs;
  if (grant.state === 'suspect' && waitMs > 0) return { retryInMs: Math.min(waitMs, LONGEST_WAIT_MS) };
  if (!(await store.takeDesignatedAttempt(history.client, designatedEveryMs))) return { retryInMs: designatedEveryMs };
  return { standing, pausesEndedAtMs: standing.readAtMs - designatedApartMs };
}
