import type { IdentityProviders } from '../identity/identity-providers.js';
import { isIdentifier } from '../identity/claims.js';
import type { EncryptionKey } from '../options.js';
import { KeyRing } from './key-ring.js';
import { rotateVault, type RotationReport } from './vault-rotation.js';
import type { TokenStore } from './token-store.js';
import { Vault } from './vault.js';
import type { SweepCounts, SweepLimits, VaultCounts } from './vault-record.js';

const DAY_MS = 86_400_000;
const DEFAULT_BATCH = 500;

export interface VaultServiceParts {
  readonly store: TokenStore;
  readonly identityProviders: IdentityProviders;
  readonly encryptionKeys: readonly EncryptionKey[];
}

/** What the vault holds. */
export interface VaultStatus extends VaultCounts {
  /** Id of the key that seals. */
  readonly sealingKeyId: string;
  /** Ids of all keys that must stay in the ring: those that may have sealed something that is still there. */
  readonly neededKeyIds: readonly string[];
}

/** How long work is done. */
export interface VaultWorkOptions {
  /** Rows at a time. Default 500. */
  readonly batchSize?: number;
  /** Told after each batch how many rows are done so far. */
  readonly onProgress?: (done: number) => void;
  /** Ends the work after the current batch; what is done stays done. */
  readonly signal?: AbortSignal;
}

export interface SweepOptions extends VaultWorkOptions {
  /** How long revoked and dead grants are kept, milliseconds. Default 30 days. */
  readonly endedForMs?: number;
  /** How long after its refresh token has expired a grant is kept, milliseconds. Default 30 days. */
  readonly expiredForMs?: number;
  /** How long claimed codes are kept, milliseconds; longer than any code lives. Default one day. */
  readonly exchangeOlderThanMs?: number;
  /** Only counts. Default false. */
  readonly dryRun?: boolean;
}

/**
 * Upkeep of the stored grants while the application runs: none of it makes a read or a refresh fail. Every call may be
 * broken off, or run in several processes, and be called again.
 */
export class NowggVaultService {
  readonly #store: TokenStore;
  readonly #identityProviders: IdentityProviders;
  readonly #vault: Vault;

  constructor({ store, identityProviders, encryptionKeys }: VaultServiceParts) {
    this.#store = store;
    this.#identityProviders = identityProviders;
    this.#vault = new Vault(new KeyRing(encryptionKeys));
  }

  async status(): Promise<VaultStatus> {
    const counts = await this.#store.countVault();
    const checks = await this.#store.listKeyChecks();
    return {
      ...counts,
      sealingKeyId: this.#vault.ring.sealingKeyId,
      neededKeyIds: [...new Set([...checks.map(({ keyId }) => keyId), ...Object.keys(counts.byKeyId)])].toSorted(),
    };
  }

  /**
   * Seals everything under the first key of the ring. Run it when every process has that key as its first; once it
   * reports nothing left, the other keys may go.
   */
  async rotate({ batchSize = DEFAULT_BATCH, ...options }: VaultWorkOptions = {}): Promise<RotationReport> {
    return rotateVault(this.#store, this.#vault, { batchSize, ...options });
  }

  /** Deletes what has been over for long. @returns how much was, or would be, deleted */
  async sweep(options: SweepOptions = {}): Promise<SweepCounts> {
    const { batchSize = DEFAULT_BATCH, onProgress, signal, dryRun = false } = options;
    const limits: SweepLimits = {
      endedForMs: options.endedForMs ?? 30 * DAY_MS,
      expiredForMs: options.expiredForMs ?? 30 * DAY_MS,
      exchangeOlderThanMs: options.exchangeOlderThanMs ?? DAY_MS,
    };
    if (dryRun) return this.#store.countSweepable(limits);
    const swept = { grants: 0, exchanges: 0 };
    for (let more = true; more; ) {
      if (signal?.aborted) break;
      const { grants, exchanges } = await this.#store.sweep(limits, batchSize);
      swept.grants += grants;
      swept.exchanges += exchanges;
      more = grants + exchanges > 0;
      onProgress?.(swept.grants + swept.exchanges);
    }
    return swept;
  }

  /**
   * Deletes every grant of a user, for who asks to be forgotten. Tells no identity system; revoke first where the
   * tokens must end too.
   * @returns how many grants were, or would be, deleted
   */
  async forget(
    userId: string,
    options: { readonly provider?: string; readonly dryRun?: boolean } = {},
  ): Promise<number> {
    const { name } = this.#identityProviders.getOrOnly(options.provider);
    if (!isIdentifier(userId)) return 0;
    if (options.dryRun) return (await this.#store.listGrants(name, userId)).length;
    return this.#store.forgetUser(name, userId);
  }
}
