import type { RevocationStore } from '../../revocation/revocation-store.js';
import type { TokenStore } from '../store/token-store.js';
import type { SweepCounts, SweepLimits } from '../store/vault-record.js';

/** Number of rows that a sweep has deleted, or would delete. */
export interface SweepReport extends SweepCounts {
  /** Watermarks that no longer refuse anything. */
  readonly revocations: number;
}

/**
 * Time for which the tokens of an ended grant are kept: it may turn out that the grant has not ended, or that the
 * identity system could not be told.
 */
const TEXTS_KEPT_MS = 24 * 3_600_000;

interface SweepWork {
  readonly batchSize: number;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/** Deletes batch by batch until there is nothing left to delete, or the signal aborts. */
export async function sweepVault(
  store: TokenStore,
  revocationStore: RevocationStore | undefined,
  limits: SweepLimits,
  spentForMs: number,
  { batchSize, onProgress, signal }: SweepWork,
): Promise<SweepReport> {
  const swept = { grants: 0, exchanges: 0, revocations: 0 };
  const isStopped = () => signal?.aborted === true;
  const inBatches = async (batch: (after: string | undefined) => Promise<string | undefined>) => {
    for (let after: string | undefined; !isStopped(); ) {
      after = await batch(after);
      onProgress?.(swept.grants + swept.exchanges + swept.revocations);
      if (after === undefined) return;
    }
  };
  await inBatches(async (after) => {
    const { grants, exchanges, next } = await store.sweep(limits, batchSize, after);
    swept.grants += grants;
    swept.exchanges += exchanges;
    return next;
  });
  for (const each of [revocationStore, revocationStore?.features]) {
    await inBatches(async (after) => {
      const spent = await each?.sweepSpent(spentForMs, batchSize, after);
      swept.revocations += spent?.revocations ?? 0;
      return spent?.next;
    });
  }
  await inBatches(async (after) => (await store.sweepTexts(TEXTS_KEPT_MS, batchSize, after)).next);
  await inBatches(async (after) => (await store.sweepIssuedTokens(batchSize, after)).next);
  await inBatches(async (after) => (await store.sweepProofs(batchSize, after)).next);
  while (!isStopped() && (await store.sweepClientCounts(batchSize)) > 0);
  return swept;
}
