import type { GrantRecord } from '../store/grant-record.js';
import type { TokenStore } from '../store/token-store.js';
import type { ResealedGrant, StoredClient } from '../store/vault-record.js';
import { sealContextOf, type Vault } from '../vault/vault.js';

export interface AdoptionReport {
  /** Number of grants that this call has given to the other client. */
  readonly adopted: number;
  /** Number of grants that no key of the ring can decrypt; left as they are. */
  readonly unreadable: number;
  /** Whether none are left but the unreadable ones. */
  readonly complete: boolean;
}

/** Options of work on the grants of one client. */
interface SettlementOptions {
  readonly batchSize: number;
  readonly onProgress?: ((done: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Maximum number of passes. A grant that is busy in one pass is done in the next. */
const MOST_PASSES = 5;

/**
 * Gives the live grants of one client to another one of the same provider, in batches that wait for no lock. Each is
 * encrypted anew: a ciphertext is bound to its client.
 */
export async function adoptGrants(
  store: TokenStore,
  vault: Vault,
  { from, to }: { readonly from: StoredClient; readonly to: string },
  options: SettlementOptions,
): Promise<AdoptionReport> {
  // First: a session handle of an adopted grant is good from its first moment.
  await store.recordAdoption(from, to);
  let adopted = 0;
  let unreadable = 0;
  let left = true;
  for (let pass = 1; left && pass <= MOST_PASSES && !options.signal?.aborted; pass += 1) {
    left = false;
    unreadable = 0;
    for await (const batch of grantsOf(store, from, options)) {
      const readable = batch.map((grant) => resealedFor(vault, grant, to)).filter((grant) => grant !== undefined);
      const written = await store.adoptGrants({ from, to, grants: readable });
      adopted += written;
      unreadable += batch.length - readable.length;
      left ||= written < readable.length;
      options.onProgress?.(adopted);
    }
  }
  return { adopted, unreadable, complete: !left && unreadable === 0 && options.signal?.aborted !== true };
}

/**
 * Ends the live grants of a client, in batches that wait for no lock, and deletes their tokens.
 * @returns the number ended
 */
export async function endGrants(store: TokenStore, client: StoredClient, options: SettlementOptions): Promise<number> {
  let ended = 0;
  for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
    const before = ended;
    for (let after: string | undefined; !options.signal?.aborted; ) {
      const { rows, next } = await store.endGrantsOf(client, options.batchSize, after);
      ended += rows;
      options.onProgress?.(ended);
      if (next === undefined) break;
      after = next;
    }
    // A row that was locked in one pass is ended in the next, unless there was nothing to do.
    if (ended === before || options.signal?.aborted) break;
  }
  return ended;
}

/** Number of live grants of a client, by the kept counts. */
export async function countGrantsOf(store: TokenStore, { provider, clientKey }: StoredClient): Promise<number> {
  const clients = await store.listClients();
  return clients.find((each) => each.provider === provider && each.clientKey === clientKey)?.grants ?? 0;
}

async function* grantsOf(
  store: TokenStore,
  client: StoredClient,
  { batchSize, signal }: SettlementOptions,
): AsyncGenerator<readonly GrantRecord[]> {
  for (let after: string | undefined; ; ) {
    if (signal?.aborted) return;
    const { grants, next } = await store.listGrantsOf(client, after, batchSize);
    if (grants.length > 0) yield grants;
    if (next === undefined) return;
    after = next;
  }
}

function resealedFor(vault: Vault, grant: GrantRecord, to: string): ResealedGrant | undefined {
  try {
    const { token } = vault.accessTokenOf(grant);
    const { id, generation, sessionVersion } = grant;
    const context = { ...sealContextOf(grant), clientKey: to, generation: generation + 1 };
    return { id, generation, sessionVersion, ...vault.sealTokens(context, token, vault.refreshTokenOf(grant)) };
  } catch {
    // The vault has published an event; the row stays for a process that has its key.
    return undefined;
  }
}
