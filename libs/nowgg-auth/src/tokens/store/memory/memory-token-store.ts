import type { NowggClock } from '../../../clock.js';
import {
  type AttemptFailure,
  type AttemptKey,
  type AttemptRefusal,
  type EndedByEvidence,
  type GrantRecord,
  FIRST_HANDLE_VERSION,
  type HandleUse,
  type KeySettlement,
  type LeaseRequest,
  type LeaseResult,
  type NewGrant,
  type TokenCommit,
  type WithheldGeneration,
  classifyLease,
  newGrantRecord,
  isLive,
} from '../grant-record.js';
import type {
  ExchangeClaim,
  ExchangeClaimRequest,
  ExchangeRecord,
  ExchangeRelease,
  ExchangeRemoval,
} from '../exchange-record.js';
import type { ClientOutcomes, ClientSecret, ClientStanding } from '../client-standing.js';
import { MemoryAdoptions } from './memory-adoptions.js';
import { MemoryClients } from './memory-clients.js';
import { MemoryExchanges } from './memory-exchanges.js';
import { type IssuedToken, type TokensOfEndedGrant, USER_ENDS_KEPT_MS } from '../issued-token.js';
import { MemoryIssuedTokens } from './memory-issued-tokens.js';
import { MemoryProofs } from './memory-proofs.js';
import { MemorySessions } from './memory-sessions.js';
import type { AdmittedSession, SessionAdmission } from '../session-record.js';
import { isSealedOtherwise, MemoryUpkeep } from './memory-upkeep.js';
import { TokenStore, type TokenStoreWiring } from '../token-store.js';
import {
  type ClientGrants,
  type GrantAdoption,
  type KeyCheck,
  type ListedGrants,
  MOST_EXCHANGES,
  type ResealedGrant,
  type StoredClient,
  type SweepCounts,
  type SweepLimits,
  type SweptGrants,
  type SweptRows,
  type VaultCounts,
} from '../vault-record.js';

/**
 * Keeps grants in this process only, and only until it ends: for trials and tests. Pass it as `tokenStore`. Several
 * processes, or a restart, need `typeOrmTokenStore()`.
 *
 * @example
 * ```ts
 * import { memoryTokenStore, NowggAuthModule } from 'nestjs-nowgg-auth';
 *
 * export const auth = NowggAuthModule.forRoot({
 *   clientId: process.env.NOWGG_CLIENT_ID ?? '',
 *   clientSecret: process.env.NOWGG_CLIENT_SECRET ?? '',
 *   tokenStore: memoryTokenStore(),
 *   tokens: { encryptionKeys: [{ id: 'k1', key: process.env.NOWGG_KEY_1 ?? '' }] },
 * });
 * ```
 */
export function memoryTokenStore(): TokenStoreWiring {
  return { inject: [], create: ({ clock }) => new MemoryTokenStore(clock) };
}

/** Implements the port with plain maps. Every operation runs in one turn of the event loop, which makes it atomic. */
export class MemoryTokenStore extends TokenStore {
  readonly #clock: NowggClock;
  readonly #grants: Map<string, GrantRecord>;
  readonly #exchanges: MemoryExchanges;
  readonly #issued: MemoryIssuedTokens;
  readonly #upkeep: MemoryUpkeep;
  readonly #adoptions: MemoryAdoptions;
  readonly #sessions: MemorySessions;
  readonly #proofs: MemoryProofs;
  /** Time at which all grants of a user were last ended. */
  readonly #usersEndedAt = new Map<string, number>();
  readonly #clients: MemoryClients;
  readonly #keyChecks = new Map<string, KeyCheck>();

  constructor(clock: NowggClock, grants = new Map<string, GrantRecord>(), clients = new MemoryClients(clock)) {
    super();
    this.#clock = clock;
    this.#grants = grants;
    this.#clients = clients;
    this.#exchanges = new MemoryExchanges(clock);
    this.#issued = new MemoryIssuedTokens(clock, this.#grants);
    this.#upkeep = new MemoryUpkeep(clock, this.#grants);
    this.#adoptions = new MemoryAdoptions(clock, this.#grants);
    this.#sessions = new MemorySessions(clock, this.#grants);
    this.#proofs = new MemoryProofs(clock);
  }

  override async findGrant(id: string): Promise<GrantRecord | undefined> {
    return this.#read(id);
  }

  override async listGrants(provider: string, userId: string, clientKey: string | undefined): Promise<GrantRecord[]> {
    return this.#ofUser(provider, userId, clientKey).map((grant) => this.#stamped(grant));
  }

  override async listGrantsOfSession(provider: string, sessionId: string, clientKey: string): Promise<GrantRecord[]> {
    return [...this.#grants.values()]
      .filter((grant) => grant.provider === provider && grant.sessionId === sessionId && grant.clientKey === clientKey)
      .map((grant) => this.#stamped(grant));
  }

  override async acquireLease(request: LeaseRequest): Promise<LeaseResult> {
    const grant = this.#read(request.id);
    if (!grant) return { outcome: 'ended' };
    const outcome = classifyLease(grant, request);
    if (outcome === 'ended') return { outcome };
    if (outcome !== 'acquired') return { outcome, grant };
    const predecessorInDoubt = grant.attemptStartedAtMs !== undefined;
    const takesOver = predecessorInDoubt && grant.leaseOwner !== undefined;
    this.#write(grant.id, {
      leaseOwner: request.owner,
      leaseUntilMs: this.#clock.now() + (takesOver ? request.takeoverLeaseMs : request.leaseMs),
      attemptStartedAtMs: this.#clock.now(),
    });
    return { outcome, grant, predecessorInDoubt };
  }

  override async commitTokens(commit: TokenCommit): Promise<GrantRecord | undefined> {
    const grant = this.#grants.get(commit.id);
    if (!grant || grant.state === 'revoked') return undefined;
    if (grant.generation !== commit.generation || grant.sessionVersion !== commit.sessionVersion) return undefined;
    const { withheldForMs, issued } = commit;
    const now = this.#clock.now();
    const holders = issued ? this.#issued.find(grant.provider, issued.credentialId) : [];
    const isForeign = commit.isForeign === true || holders.some(({ userId }) => userId !== grant.userId);
    const written = this.#write(commit.id, {
      generation: commit.generation + 1,
      state: isForeign ? 'suspect' : 'active',
      refreshCiphertext: commit.refreshCiphertext,
      accessCiphertext: commit.accessCiphertext,
      accessObtainedAtMs: now,
      accessTokenExpiresAtMs: isForeign ? now : commit.accessTokenExpiresAtMs,
      refreshTokenExpiresAtMs: commit.refreshTokenExpiresAtMs,
      scopes: isForeign ? grant.scopes : (commit.scopes ?? grant.scopes),
      ...NO_ATTEMPT,
      failCode: undefined,
      refusal: undefined,
      nextAttemptAtMs: isForeign && withheldForMs !== undefined ? now + withheldForMs : undefined,
    });
    this.#issued.expire(commit.id);
    if (issued && !isForeign) this.#issued.add(written, issued, issued.begunAtMs);
    return written;
  }

  override async recordFailure(failure: AttemptFailure): Promise<boolean> {
    const grant = this.#attempted(failure);
    if (!grant) return false;
    this.#write(grant.id, {
      ...NO_ATTEMPT,
      attemptStartedAtMs: failure.inDoubt ? grant.attemptStartedAtMs : undefined,
      nextAttemptAtMs: this.#clock.now() + failure.retryInMs,
    });
    return true;
  }

  override async recordRefusal(refusal: AttemptRefusal): Promise<boolean> {
    const grant = this.#attempted(refusal);
    if (!grant) return false;
    const { state, failCode, retryInMs } = refusal;
    const now = this.#clock.now();
    this.#write(grant.id, {
      ...NO_ATTEMPT,
      state,
      failCode,
      refusal: this.#nextRun(grant, refusal),
      nextAttemptAtMs: refusal.evidence === undefined && retryInMs > 0 ? now + retryInMs : undefined,
    });
    return true;
  }

  override async revokeGrant(id: string): Promise<GrantRecord | undefined> {
    const grant = this.#grants.get(id);
    if (!grant || grant.state === 'revoked') return undefined;
    this.#write(id, { ...NO_ATTEMPT, state: 'revoked', sessionVersion: grant.sessionVersion + 1 });
    return this.#stamped(grant);
  }

  override async noteHandleKey(id: string, handleKeyId: string): Promise<void> {
    const grant = this.#grants.get(id);
    if (grant) this.#grants.set(id, { ...grant, handleKeyId });
  }

  override async noteSessionUse(id: string): Promise<void> {
    const grant = this.#grants.get(id);
    if (grant && isLive(grant)) this.#grants.set(id, { ...grant, sessionUsedAtMs: this.#clock.now() });
  }

  override async advanceHandle({ id, sessionVersion, handleVersion, keyId }: HandleUse): Promise<void> {
    const grant = this.#grants.get(id);
    if (!grant || !isLive(grant) || grant.sessionVersion !== sessionVersion) return;
    if (grant.handleVersion >= handleVersion) return;
    const sessionUsedAtMs = this.#clock.now();
    this.#grants.set(id, { ...grant, handleVersion, handleKeyId: keyId, sessionUsedAtMs });
  }

  override async settleKey({ id, sessionVersion, keyThumbprint }: KeySettlement): Promise<boolean> {
    const grant = this.#grants.get(id);
    if (!grant || !isLive(grant) || grant.sessionVersion !== sessionVersion) return false;
    const isUnused = grant.keyThumbprint === undefined && grant.handleVersion === FIRST_HANDLE_VERSION;
    if (grant.keyThumbprint !== keyThumbprint && !isUnused) return false;
    const used = keyThumbprint === undefined && isUnused;
    const handleVersion = used ? FIRST_HANDLE_VERSION + 1 : grant.handleVersion;
    this.#grants.set(id, { ...grant, keyThumbprint, handleVersion });
    return true;
  }

  override async revokeUser(provider: string, userId: string, clientKey: string): Promise<GrantRecord[]> {
    this.#usersEndedAt.set(userKey(provider, clientKey, userId), this.#clock.now());
    const grants = await Promise.all(this.#ofUser(provider, userId, clientKey).map(({ id }) => this.revokeGrant(id)));
    return grants.filter((grant) => grant !== undefined);
  }

  override async findTokensOfEnded(grantId: string): Promise<TokensOfEndedGrant> {
    const grant = this.#grants.get(grantId);
    return grant ? this.#issued.ofEnded(grant) : { sharesSession: false, tokens: [] };
  }

  override async wipeTexts(grantId: string): Promise<void> {
    if (this.#grants.get(grantId)?.state === 'revoked') this.#upkeep.wipe(grantId);
  }

  override async listUnwiped(endedForMs: number, afterId: string | undefined, limit: number): Promise<GrantRecord[]> {
    return this.#upkeep.listUnwiped(endedForMs, afterId, limit).map((grant) => this.#stamped(grant));
  }

  override async findIssuedTokens(provider: string, credentialId: string): Promise<IssuedToken[]> {
    return this.#issued.find(provider, credentialId);
  }

  override async withholdGeneration({ id, generation, retryInMs }: WithheldGeneration): Promise<boolean> {
    const grant = this.#grants.get(id);
    if (!grant || !isLive(grant) || grant.generation !== generation) return false;
    const now = this.#clock.now();
    if (grant.accessTokenExpiresAtMs !== undefined && grant.accessTokenExpiresAtMs <= now) return false;
    this.#write(id, { state: 'suspect', accessTokenExpiresAtMs: now, nextAttemptAtMs: now + retryInMs });
    return true;
  }

  override async endByEvidence({ id, generation, confirmedAtMs }: EndedByEvidence): Promise<boolean> {
    const grant = this.#grants.get(id);
    if (grant?.state !== 'suspect' || grant.generation !== generation) return false;
    if (grant.refusal?.confirmedAtMs !== confirmedAtMs || (grant.leaseUntilMs ?? 0) > this.#clock.now()) return false;
    this.#write(id, { ...NO_ATTEMPT, state: 'needs_reauth' });
    return true;
  }

  override async retryEnded(limit: number): Promise<SweptRows> {
    const ended = this.#upkeep.endedByEvidence().slice(0, limit);
    for (const { id } of ended) this.#write(id, { state: 'suspect', refusal: undefined, nextAttemptAtMs: undefined });
    return sweptRows(ended.length);
  }

  override async countRetryable(): Promise<number> {
    return this.#upkeep.endedByEvidence().length;
  }

  override async addClientOutcomes(outcomes: ClientOutcomes): Promise<void> {
    this.#clients.add(outcomes);
  }

  override async findClientStanding(client: ClientSecret): Promise<ClientStanding> {
    return this.#clients.standing(client);
  }

  override async takeDesignatedAttempt(client: ClientSecret, everyMs: number): Promise<boolean> {
    return this.#clients.takeAttempt(client, everyMs);
  }

  override async sweepClientCounts(): Promise<number> {
    return this.#clients.sweepCounts();
  }

  override async claimExchange(request: ExchangeClaimRequest): Promise<ExchangeClaim> {
    return this.#exchanges.claim(request);
  }

  override async findExchange(codeHash: string): Promise<ExchangeRecord | undefined> {
    return this.#exchanges.find(codeHash);
  }

  override async sealExchange(codeHash: string, replyCiphertext: Uint8Array): Promise<boolean> {
    return this.#exchanges.seal(codeHash, replyCiphertext);
  }

  override async completeExchange(codeHash: string, grant: NewGrant): Promise<GrantRecord | undefined> {
    const begunAtMs = this.#exchanges.complete(codeHash, grant.id);
    if (begunAtMs === undefined) return undefined;
    const { issued, ...columns } = grant;
    const created = newGrantRecord(columns, this.#clock.now(), begunAtMs);
    const endedAtMs =
      this.#usersEndedAt.get(userKey(grant.provider, grant.clientKey, grant.userId)) ?? Number.NEGATIVE_INFINITY;
    const record: GrantRecord =
      endedAtMs >= begunAtMs ? { ...created, state: 'revoked', sessionVersion: created.sessionVersion + 1 } : created;
    this.#grants.set(grant.id, record);
    this.#issued.add(record, issued, begunAtMs);
    return this.#read(grant.id);
  }

  override async admitSession(admission: SessionAdmission): Promise<AdmittedSession> {
    return this.#sessions.admit(admission);
  }

  override async listLive(provider: string, userId: string, clientKey: string, limit: number): Promise<GrantRecord[]> {
    return this.#sessions.listLive(provider, userId, clientKey, limit).map((grant) => this.#stamped(grant));
  }

  override async claimProof(name: string, keptForMs: number): Promise<boolean> {
    return this.#proofs.claim(name, keptForMs);
  }

  override async sweepProofs(limit: number): Promise<SweptRows> {
    return sweptRows(this.#proofs.sweep(limit));
  }

  override async releaseExchange(release: ExchangeRelease): Promise<void> {
    this.#exchanges.release(release);
  }

  override async removeExchange(removal: ExchangeRemoval): Promise<boolean> {
    return this.#exchanges.remove(removal);
  }

  override async listSealedOtherwise(
    header: Uint8Array,
    afterId: string | undefined,
    limit: number,
  ): Promise<ListedGrants> {
    const grants = this.#upkeep.listSealedOtherwise(header, afterId, limit).map((grant) => this.#stamped(grant));
    return { grants, next: grants.length === limit ? grants.at(-1)?.id : undefined };
  }

  override async hasGrantsSealedOtherwise(header: Uint8Array): Promise<boolean> {
    return this.#upkeep.listSealedOtherwise(header, undefined, 1).length > 0;
  }

  override async resealGrants(resealed: readonly ResealedGrant[]): Promise<number> {
    return this.#upkeep.reseal(resealed);
  }

  override async hasRepliesSealedOtherwise(header: Uint8Array): Promise<boolean> {
    return this.#exchanges
      .all()
      .some(({ replyCiphertext }) => replyCiphertext !== undefined && isSealedOtherwise(replyCiphertext, header));
  }

  override async listKeyChecks(): Promise<KeyCheck[]> {
    return [...this.#keyChecks.values()];
  }

  override async addKeyCheck(check: KeyCheck): Promise<void> {
    if (!this.#keyChecks.has(check.keyId)) this.#keyChecks.set(check.keyId, check);
  }

  override async removeKeyCheck(keyId: string): Promise<void> {
    this.#keyChecks.delete(keyId);
  }

  override async countVault(): Promise<VaultCounts> {
    const clients = this.#adoptions.clients();
    return { ...this.#upkeep.count(), clients, exchanges: Math.min(this.#exchanges.all().length, MOST_EXCHANGES) };
  }

  override async listClients(): Promise<ClientGrants[]> {
    return this.#adoptions.clients();
  }

  override async listGrantsOf(client: StoredClient, afterId: string | undefined, limit: number): Promise<ListedGrants> {
    const grants = this.#adoptions.of(client, afterId, limit).map((grant) => this.#stamped(grant));
    return { grants, next: grants.length === limit ? grants.at(-1)?.id : undefined };
  }

  override async recordAdoption(from: StoredClient, to: string): Promise<void> {
    this.#adoptions.record(from, to);
  }

  override async adoptGrants(adoption: GrantAdoption): Promise<number> {
    return this.#adoptions.adopt(adoption);
  }

  override async endGrantsOf(client: StoredClient, limit: number): Promise<SweptRows> {
    return sweptRows(this.#adoptions.end(client, limit));
  }

  override async countSweepable(limits: SweepLimits): Promise<SweepCounts> {
    return { grants: this.#upkeep.sweepable(limits).length, exchanges: this.#exchanges.olderThan(limits).length };
  }

  override async sweep(limits: SweepLimits, limit: number): Promise<SweptGrants> {
    const grants = this.#upkeep.sweepable(limits).slice(0, limit);
    for (const { id } of grants) this.#grants.delete(id);
    const exchanges = this.#exchanges.olderThan(limits).slice(0, limit);
    for (const { codeHash } of exchanges) this.#exchanges.delete(codeHash);
    const next = grants.length + exchanges.length > 0 ? NEXT : undefined;
    return { grants: grants.length, exchanges: exchanges.length, next };
  }

  override async sweepTexts(endedForMs: number, limit: number): Promise<SweptRows> {
    return sweptRows(this.#upkeep.sweepTexts(endedForMs, limit));
  }

  override async sweepIssuedTokens(limit: number): Promise<SweptRows> {
    const oldest = this.#clock.now() - USER_ENDS_KEPT_MS;
    const users = [...this.#usersEndedAt].filter(([, endedAtMs]) => endedAtMs <= oldest).slice(0, limit);
    for (const [user] of users) this.#usersEndedAt.delete(user);
    return sweptRows(this.#issued.sweep(limit) + users.length);
  }

  override async forgetUser(provider: string, userId: string, clientKey: string | undefined): Promise<number> {
    const grants = this.#ofUser(provider, userId, clientKey);
    for (const { id } of grants) {
      this.#grants.delete(id);
      this.#issued.forget(id);
    }
    return grants.length;
  }

  #ofUser(provider: string, userId: string, clientKey: string | undefined): GrantRecord[] {
    return [...this.#grants.values()].filter(
      (grant) =>
        grant.provider === provider &&
        grant.userId === userId &&
        (clientKey === undefined || grant.clientKey === clientKey),
    );
  }

  #nextRun(grant: GrantRecord, { evidence, retryInMs }: AttemptRefusal): GrantRecord['refusal'] {
    if (!evidence) return grant.refusal;
    const now = this.#clock.now();
    const { begins, confirmation, ...counts } = evidence;
    return {
      ...counts,
      firstAtMs: begins ? now : (grant.refusal?.firstAtMs ?? now),
      untilMs: now + retryInMs,
      confirmedAtMs: confirmation === 'new' ? now : confirmation === 'kept' ? grant.refusal?.confirmedAtMs : undefined,
    };
  }

  /** The grant of this attempt, if the attempt still holds the lease. */
  #attempted({ id, generation, owner }: AttemptKey): GrantRecord | undefined {
    const grant = this.#grants.get(id);
    const current = grant?.generation === generation && grant.leaseOwner === owner;
    return current && isLive(grant) ? grant : undefined;
  }

  #read(id: string): GrantRecord | undefined {
    const grant = this.#grants.get(id);
    return grant && this.#stamped(grant);
  }

  #write(id: string, changes: Partial<GrantRecord>): GrantRecord {
    const grant = this.#grants.get(id) as GrantRecord;
    const written = { ...grant, ...changes, updatedAtMs: this.#clock.now() };
    this.#grants.set(id, written);
    return this.#stamped(written);
  }

  #stamped(grant: GrantRecord): GrantRecord {
    return { ...grant, readAtMs: this.#clock.now() };
  }
}

const NO_ATTEMPT = { leaseOwner: undefined, leaseUntilMs: undefined, attemptStartedAtMs: undefined };

/** There may be more: this store finds them from its start, without the ones that it has deleted. */
const NEXT = 'again';

function sweptRows(rows: number): SweptRows {
  return { rows, next: rows > 0 ? NEXT : undefined };
}

function userKey(provider: string, clientKey: string, userId: string): string {
  return JSON.stringify([provider, clientKey, userId]);
}
