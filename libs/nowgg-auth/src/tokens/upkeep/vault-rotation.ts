import type { GrantRecord } from '../store/grant-record.js';
import type { TokenStore } from '../store/token-store.js';
import { sealContextOf, type Vault } from '../vault/vault.js';
import type { KeyCheck, ResealedGrant, VaultCounts } from '../store/vault-record.js';

export interface RotationReport {
  /** Number of grants that this call has encrypted under the first key of the ring. */
  readonly resealed: number;
  /** Number of grants that no key of the ring can decrypt; left as they are. */
  readonly unreadable: number;
  /** Whether everything else is encrypted under the first key, so that the other keys are needed for sessions only. */
  readonly complete: boolean;
  /**
   * Number of live grants whose player last presented a session handle of another key, or of an unknown one. They have
   * to sign in again if the other keys leave the ring before they have come back.
   */
  readonly sessionsUnderOtherKeys: number;
}

interface RotationOptions {
  readonly batchSize: number;
  /** Writes in the audit. Called before the first change and after the last one. */
  readonly tell?: (detail: string) => Promise<void>;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Maximum number of passes. Grants that were busy in one pass are done in the next; more passes mean that another
 * process encrypts under another key.
 */
const MOST_PASSES = 5;

/**
 * Encrypts every grant again under the first key, in batches that wait for no lock. A batch is read, encrypted here,
 * and written where the generation is still the one that was read: a refresh in between wins, and has itself encrypted
 * anew.
 */
export async function rotateVault(store: TokenStore, vault: Vault, options: RotationOptions): Promise<RotationReport> {
  let resealed = 0;
  let unreadable = 0;
  let left = true;
  let hasBegun = false;
  const { sealingKeyId } = vault.ring;
  for (let pass = 1; left && pass <= MOST_PASSES && !options.signal?.aborted; pass += 1) {
    left = false;
    unreadable = 0;
    for await (const batch of otherwiseSealed(store, vault, options)) {
      const opened = batch.map((grant) => resealedOf(vault, grant)).filter((grant) => grant !== undefined);
      if (!hasBegun && opened.length > 0) {
        // First: what the audit cannot tell is not done.
        await options.tell?.(`began to encrypt under ${sealingKeyId}`);
        hasBegun = true;
      }
      const written = await store.resealGrants(opened);
      resealed += written;
      unreadable += batch.length - opened.length;
      left ||= written < opened.length;
      options.onProgress?.(resealed);
    }
  }
  const complete = unreadable === 0 && !options.signal?.aborted && (await retireOtherKeys(store, vault, left));
  if (hasBegun) {
    const end = complete ? 'complete' : 'not complete';
    await options.tell?.(`encrypted ${resealed} grants under ${sealingKeyId}, ${end}`);
  }
  const sessions = sessionsUnderOtherKeys(await store.countVault(), sealingKeyId);
  return { resealed, unreadable, complete, sessionsUnderOtherKeys: sessions };
}

/** Number of sessions that would end without the other keys. */
export function sessionsUnderOtherKeys(counts: VaultCounts, sealingKeyId: string): number {
  const known = Object.entries(counts.sessionsByKeyId).filter(([keyId]) => keyId !== sealingKeyId);
  return known.reduce((total, [, sessions]) => total + sessions, counts.sessionsOfUnknownKey);
}

async function* otherwiseSealed(
  store: TokenStore,
  vault: Vault,
  { batchSize, signal }: RotationOptions,
): AsyncGenerator<readonly GrantRecord[]> {
  // Without a key to retire, nothing can be lost when the counts are wrong, as after a restore of the rows alone.
  const areCountsEnough = (await otherKeyChecks(store, vault)).length === 0;
  const isDone = async () => areCountsEnough && !(await store.hasGrantsSealedOtherwise(vault.ring.sealingHeader));
  if (await isDone()) return;
  for (let after: string | undefined; ; ) {
    if (signal?.aborted) return;
    const { grants, next } = await store.listSealedOtherwise(vault.ring.sealingHeader, after, batchSize);
    if (grants.length > 0) yield grants;
    // Behind the last one of many, there is no need to look at all the others.
    else if (await isDone()) return;
    if (next === undefined) return;
    after = next;
  }
}

function resealedOf(vault: Vault, grant: GrantRecord): ResealedGrant | undefined {
  try {
    const { token } = vault.accessTokenOf(grant);
    const { id, generation, sessionVersion } = grant;
    return {
      id,
      generation,
      sessionVersion,
      ...vault.sealTokens(sealContextOf(grant), token, vault.refreshTokenOf(grant)),
    };
  } catch {
    // The vault has published an event; the row stays for a process that has its key.
    return undefined;
  }
}

/**
 * Removes the checks of keys under which nothing is encrypted any more, so that a start does not require those keys.
 * @returns whether that is so
 */
async function retireOtherKeys(store: TokenStore, vault: Vault, left: boolean): Promise<boolean> {
  const { sealingHeader } = vault.ring;
  if (await store.hasGrantsSealedOtherwise(sealingHeader)) return false;
  if (await store.hasRepliesSealedOtherwise(sealingHeader)) return false;
  const others = await otherKeyChecks(store, vault);
  // The last pass has looked at every grant, and found none that it could not write.
  if (others.length > 0 && left) return false;
  await Promise.all(others.map(({ keyId }) => store.removeKeyCheck(keyId)));
  return true;
}

async function otherKeyChecks(store: TokenStore, vault: Vault): Promise<KeyCheck[]> {
  return (await store.listKeyChecks()).filter(({ keyId }) => keyId !== vault.ring.sealingKeyId);
}
