import { NowggConfigurationError } from '../../errors.js';
import { isIdentifier } from '../../identity/claims.js';
import type { EncryptionKey } from '../../options/options.js';
import { checkAuthor } from '../../revocation/ban-notice.js';
import type { RevocationStore } from '../../revocation/revocation-store.js';
import type { NowggAuthor } from '../../trail/audit-act.js';
import { checkKeys, compareKeys } from '../vault/key-checks.js';
import { KeyRing } from '../vault/key-ring.js';
import { adoptGrants, type AdoptionReport, countGrantsOf, endGrants } from './client-settlement.js';
import { rotateVault, type RotationReport, sessionsUnderOtherKeys } from './vault-rotation.js';
import type { TokenStore } from '../store/token-store.js';
import { Vault } from '../vault/vault.js';
import type { SweepLimits, VaultCounts } from '../store/vault-record.js';
import { sweepVault, type SweepReport } from './vault-sweep.js';

const DAY_MS = 86_400_000;
const DEFAULT_BATCH = 500;

export interface VaultServiceParts {
  readonly store: TokenStore;
  /**
   * Resolves the identity provider: `IdentityProviders`, or any object that knows their names. Where a `clientKey` is
   * known, only that client's grants are forgotten.
   */
  readonly identityProviders: {
    getOrOnly(name: string | undefined): { readonly name: string; readonly clientKey?: string };
  };
  /** As in the options. Without any key, every operation but a rotation is possible. */
  readonly encryptionKeys: readonly EncryptionKey[];
  /** As in the options. Default true. */
  readonly openFirstVersion?: boolean | undefined;
  /** The store of the revocations, to be swept as well. */
  readonly revocationStore?: RevocationStore | undefined;
  /** Finishes ends of grants that were interrupted. Absent where the identity systems cannot be told. */
  readonly finishBrokenOffEnds?: (() => Promise<void>) | undefined;
}

/** Contents of the vault. */
export interface VaultStatus extends VaultCounts {
  /** Id of the key that encrypts; undefined where the keys are not known. */
  readonly sealingKeyId: string | undefined;
  /**
   * Ids of all keys that must stay in the ring: those that may have encrypted something that still exists, and those
   * that made session handles of live grants. While there are sessions of an unknown key, every key after the first is
   * needed.
   */
  readonly neededKeyIds: readonly string[];
}

/** Options of upkeep that works in batches. */
export interface VaultWorkOptions {
  /** Rows at a time. Default 500. */
  readonly batchSize?: number;
  /** Called after each batch with the number of rows done so far. */
  readonly onProgress?: (done: number) => void;
  /** Ends the work after the current batch; completed batches stay done. */
  readonly signal?: AbortSignal;
  /** Changes nothing and only counts. Default false. */
  readonly dryRun?: boolean;
}

/** Options of {@link NowggVaultService.rotate}. */
export interface RotateOptions extends VaultWorkOptions, NowggAuthor {}

export interface SweepOptions extends VaultWorkOptions {
  /** Time for which revoked and dead grants are kept, in milliseconds. Default 30 days. */
  readonly endedForMs?: number;
  /** Time for which a grant is kept after its refresh token has expired, in milliseconds. Default 30 days. */
  readonly expiredForMs?: number;
  /** Time for which claimed codes are kept, in milliseconds; longer than any code lives. Default one day. */
  readonly exchangeOlderThanMs?: number;
  /**
   * Time for which a revocation that no longer refuses anything is kept after its last change, in milliseconds. Longer
   * than any process may be cut off from the database: a process that does not know that a ban was lifted keeps
   * refusing. Default 30 days.
   */
  readonly spentForMs?: number;
}

/** Options of {@link NowggVaultService.adopt}. */
export interface AdoptOptions extends VaultWorkOptions {
  /** Name of the identity provider. May be left out where there is only one. */
  readonly provider?: string;
  /** Key of the client whose grants are adopted, as the status and the event `grant_of_another_client` name it. */
  readonly from: string;
  /** Key of the client that adopts them. Default: this application's client at the provider. */
  readonly to?: string;
}

/** Options of {@link NowggVaultService.end}. */
export interface EndOptions extends VaultWorkOptions, NowggAuthor {
  /** Name of the identity provider. May be left out where there is only one. */
  readonly provider?: string;
  /** Key of the client whose grants are ended. */
  readonly client: string;
}

/** Options of {@link NowggVaultService.forget}. */
export interface ForgetOptions extends NowggAuthor {
  /** Name of the identity provider. May be left out where there is only one. */
  readonly provider?: string;
  /** Changes nothing and only counts. Default false. */
  readonly dryRun?: boolean;
}

/**
 * Upkeep of the stored grants while the application runs: no operation makes a read or a refresh fail. Every call may
 * be interrupted, or run in several processes, and be repeated.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggVaultService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class NightlyUpkeep {
 *   constructor(private readonly vault: NowggVaultService) {}
 *
 *   async run() {
 *     return this.vault.sweep();
 *   }
 * }
 * ```
 */
export class NowggVaultService {
  readonly #store: TokenStore;
  readonly #identityProviders: VaultServiceParts['identityProviders'];
  readonly #revocationStore: RevocationStore | undefined;
  readonly #finishBrokenOffEnds: (() => Promise<void>) | undefined;
  readonly #vault: Vault | undefined;

  constructor(parts: VaultServiceParts) {
    const { store, identityProviders, encryptionKeys, openFirstVersion = true, revocationStore } = parts;
    this.#store = store;
    this.#identityProviders = identityProviders;
    this.#revocationStore = revocationStore;
    this.#finishBrokenOffEnds = parts.finishBrokenOffEnds;
    this.#vault = encryptionKeys.length > 0 ? new Vault(new KeyRing(encryptionKeys, { openFirstVersion })) : undefined;
  }

  /**
   * Counts the contents of the vault. With the TypeORM store, this reads kept counts and no grant.
   *
   * @example
   * ```ts
   * import { NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function mayRemoveKey(vault: NowggVaultService, keyId: string) {
   *   const { neededKeyIds } = await vault.status();
   *   return !neededKeyIds.includes(keyId);
   * }
   * ```
   */
  async status(): Promise<VaultStatus> {
    const counts = await this.#store.countVault();
    const checks = await this.#store.listKeyChecks();
    const needed = [
      ...checks.map(({ keyId }) => keyId),
      ...Object.keys(counts.byKeyId),
      ...Object.keys(counts.sessionsByKeyId),
      ...(counts.sessionsOfUnknownKey > 0 ? (this.#vault?.ring.keyIds.slice(1) ?? []) : []),
    ];
    return {
      ...counts,
      sealingKeyId: this.#vault?.ring.sealingKeyId,
      neededKeyIds: [...new Set(needed)].toSorted(),
    };
  }

  /**
   * Encrypts everything under the first key of the ring. Run it when every process has that key in its ring. Its begin and
   * its end are rows of the audit, when there was something to encrypt. Once it is complete, the other keys are needed for session handles only. A process that was killed in the middle leaves
   * nothing behind: call it again.
   *
   * @returns what was done; with `dryRun` what would be done
   * @throws NowggConfigurationError when a key that is still in use is missing or another key has its id; nothing is
   * changed then
   *
   * @example
   * ```ts
   * import { NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function rotateKeys(vault: NowggVaultService) {
   *   const { resealed, unreadable, complete } = await vault.rotate({
   *     onProgress: (done) => console.log(`${done} grants`),
   *   });
   *   return { resealed, unreadable, complete };
   * }
   * ```
   */
  async rotate({
    batchSize = DEFAULT_BATCH,
    dryRun = false,
    by,
    note,
    ...options
  }: RotateOptions = {}): Promise<RotationReport> {
    const vault = this.#vault;
    if (!vault) throw new NowggConfigurationError('a rotation needs the keys of the ring: tokens.encryptionKeys');
    checkAuthor({ by, note });
    if (dryRun) return this.#rotatable(vault);
    await checkKeys(this.#store, vault.ring);
    const tell = async (detail: string) =>
      this.#store.recordAct({ action: 'key_rotation', ...authorOf({ by, note }), detail });
    return rotateVault(this.#store, vault, { batchSize, tell, ...options });
  }

  /**
   * Deletes grants and claimed codes that ended long ago, and revocations that no longer refuse anything. Also deletes
   * the tokens of grants that ended a day ago and the records of expired access tokens, and finishes ends of grants
   * that were interrupted.
   * @returns the number of rows that were, or with `dryRun` would be, deleted
   *
   * @example
   * ```ts
   * import { NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function sweepOldGrants(vault: NowggVaultService) {
   *   const { grants, revocations } = await vault.sweep({ endedForMs: 7 * 86_400_000 });
   *   return { grants, revocations };
   * }
   * ```
   */
  async sweep(options: SweepOptions = {}): Promise<SweepReport> {
    const limits: SweepLimits = {
      endedForMs: options.endedForMs ?? 30 * DAY_MS,
      expiredForMs: options.expiredForMs ?? 30 * DAY_MS,
      exchangeOlderThanMs: options.exchangeOlderThanMs ?? DAY_MS,
    };
    const spentForMs = options.spentForMs ?? 30 * DAY_MS;
    if (options.dryRun) {
      const revocations = (await this.#revocationStore?.countSpent(spentForMs)) ?? 0;
      const ofFeatures = (await this.#revocationStore?.features?.countSpent(spentForMs)) ?? 0;
      return { ...(await this.#store.countSweepable(limits)), revocations: revocations + ofFeatures };
    }
    const { batchSize = DEFAULT_BATCH } = options;
    await this.#finishBrokenOffEnds?.();
    return sweepVault(this.#store, this.#revocationStore, limits, spentForMs, { ...options, batchSize });
  }

  /**
   * Restores grants that ended by evidence within the last day: the identity system had refused them without a code that
   * says why, while it served others. Their refresh tokens are sent again when their players ask next. For the day on
   * which it turns out that the identity system refused them by mistake.
   *
   * @returns the number of grants that were, or with `dryRun` would be, restored
   *
   * @example
   * ```ts
   * import { NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function afterTheirIncident(vault: NowggVaultService) {
   *   return vault.retry();
   * }
   * ```
   */
  async retry(options: VaultWorkOptions = {}): Promise<number> {
    const { batchSize = DEFAULT_BATCH, dryRun = false, onProgress, signal } = options;
    if (dryRun) return this.#store.countRetryable();
    const isStopped = () => signal?.aborted === true;
    let restored = 0;
    for (let after: string | undefined; !isStopped(); ) {
      const { rows, next } = await this.#store.retryEnded(batchSize, after);
      restored += rows;
      onProgress?.(restored);
      if (next === undefined) break;
      after = next;
    }
    return restored;
  }

  /**
   * Deletes every grant of a user who asks to be forgotten. Their sessions end at once and a refresh in progress stores
   * nothing. Does not tell an identity system: an access token that was handed out stays valid until it expires there.
   * To end it too, call `NowggRevocationService.revoke({ userId })` first. With the TypeORM store, the erasure is a row of the
   * audit, and from then on nothing tells that its rows about this user are about them.
   *
   * @returns the number of grants that were, or would be, deleted
   *
   * @example
   * ```ts
   * import { NowggRevocationService, NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function forget(revocations: NowggRevocationService, vault: NowggVaultService, userId: string) {
   *   await revocations.revoke({ userId }); // ends access tokens that were handed out, too
   *   return vault.forget(userId);
   * }
   * ```
   */
  async forget(userId: string, options: ForgetOptions = {}): Promise<number> {
    const { name, clientKey } = this.#identityProviders.getOrOnly(options.provider);
    if (!isIdentifier(userId)) return 0;
    checkAuthor(options);
    if (options.dryRun) return (await this.#store.listGrants(name, userId, clientKey)).length;
    const target = { kind: 'user', id: userId } as const;
    const act = { action: 'erase', provider: name, target, ...authorOf(options) } as const;
    return this.#store.forgetUser(name, userId, clientKey, act);
  }

  /**
   * Gives the live grants of one client to another one of the same provider: after the client id or the address of the
   * identity system was changed on purpose. Their session handles stay good, and their next use refreshes them. The
   * identity system must accept the refresh tokens from the new client; otherwise their players have to sign in again.
   *
   * @returns what was done; with `dryRun` what would be done
   * @throws NowggConfigurationError when a client's key is missing or malformed, or there are no encryption keys
   *
   * @example
   * ```ts
   * import { NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function afterTheMove(vault: NowggVaultService, formerClientKey: string) {
   *   const { adopted, complete } = await vault.adopt({ provider: 'nowgg', from: formerClientKey });
   *   return { adopted, complete };
   * }
   * ```
   */
  async adopt(options: AdoptOptions): Promise<AdoptionReport> {
    const { name, clientKey } = this.#identityProviders.getOrOnly(options.provider);
    const { from, to = clientKey, batchSize = DEFAULT_BATCH, dryRun = false, onProgress, signal } = options;
    const client = { provider: name, clientKey: checkedKey('from', from) };
    const target = checkedKey('to', to);
    if (target === from) throw new NowggConfigurationError('adopt: from and to are the same client');
    const vault = this.#vault;
    if (!vault) throw new NowggConfigurationError('adopt needs the keys of the ring: tokens.encryptionKeys');
    if (dryRun) return { adopted: await countGrantsOf(this.#store, client), unreadable: 0, complete: false };
    await checkKeys(this.#store, vault.ring);
    return adoptGrants(this.#store, vault, { from: client, to: target }, { batchSize, onProgress, signal });
  }

  /**
   * Ends the live grants of a client that no application has any more: their players have to sign in again. Their tokens
   * are deleted, and no identity system is told. A row of the audit says so.
   *
   * @returns the number of grants that were, or with `dryRun` would be, ended
   * @throws NowggConfigurationError when the client's key is malformed, or is that of this application
   *
   * @example
   * ```ts
   * import { NowggVaultService } from 'nestjs-nowgg-auth';
   *
   * export async function endFormerClient(vault: NowggVaultService, formerClientKey: string) {
   *   return vault.end({ provider: 'nowgg', client: formerClientKey });
   * }
   * ```
   */
  async end(options: EndOptions): Promise<number> {
    const { name, clientKey } = this.#identityProviders.getOrOnly(options.provider);
    const { batchSize = DEFAULT_BATCH, dryRun = false, onProgress, signal } = options;
    const client = { provider: name, clientKey: checkedKey('client', options.client) };
    if (client.clientKey === clientKey)
      throw new NowggConfigurationError('end: client is the client of this application');
    checkAuthor(options);
    if (dryRun) return countGrantsOf(this.#store, client);
    const detail = `every grant of the client ${client.clientKey}`;
    await this.#store.recordAct({ action: 'sign_out', provider: name, ...authorOf(options), detail });
    return endGrants(this.#store, client, { batchSize, onProgress, signal });
  }

  async #rotatable({ ring }: Vault): Promise<RotationReport> {
    await compareKeys(this.#store, ring);
    const counts = await this.#store.countVault();
    const { byKeyId, firstVersionByKeyId } = counts;
    const report = { resealed: firstVersionByKeyId[ring.sealingKeyId] ?? 0, unreadable: 0 };
    for (const [keyId, grants] of Object.entries(byKeyId)) {
      if (keyId !== ring.sealingKeyId) report[ring.has(keyId) ? 'resealed' : 'unreadable'] += grants;
    }
    const nothingLeft = report.resealed === 0 && report.unreadable === 0;
    const complete = nothingLeft && !(await this.#store.hasRepliesSealedOtherwise(ring.sealingHeader));
    return { ...report, complete, sessionsUnderOtherKeys: sessionsUnderOtherKeys(counts, ring.sealingKeyId) };
  }
}

function authorOf({ by, note }: { readonly by?: string | undefined; readonly note?: string | undefined }): NowggAuthor {
  return { ...(by !== undefined && { by }), ...(note !== undefined && { note }) };
}

/** @throws NowggConfigurationError unless it has the form of a client's key */
function checkedKey(option: 'from' | 'to' | 'client', key: string | undefined): string {
  if (key !== undefined && /^[A-Za-z0-9_-]{43}$/.test(key)) return key;
  throw new NowggConfigurationError(`${option} must be the key of a client: 43 characters, as the status lists them`);
}
