import { WATERMARK_RETENTION_MS } from '../revocation/marks/watermark.js';
import type {
  ExchangeClaim,
  ExchangeClaimRequest,
  ExchangeRecord,
  ExchangeRelease,
  ExchangeRemoval,
} from '../tokens/store/exchange-record.js';
import {
  type AttemptFailure,
  type AttemptRefusal,
  type EndedByEvidence,
  FIRST_GENERATION,
  type GrantRecord,
  type HandleUse,
  type KeySettlement,
  type LeaseRequest,
  type LeaseResult,
  type NewGrant,
  type TokenCommit,
  type WithheldGeneration,
  classifyLease,
} from '../tokens/store/grant-record.js';
import type { ClientOutcomes, ClientSecret, ClientStanding } from '../tokens/store/client-standing.js';
import {
  EXPIRY_TOLERANCE_MS,
  type IssuedToken,
  type TokensOfEndedGrant,
  USER_ENDS_KEPT_MS,
} from '../tokens/store/issued-token.js';
import {
  type AdmittedSession,
  type SessionAdmission,
  SIGNING_IN_MS,
  USED_RECENTLY_MS,
} from '../tokens/store/session-record.js';
import { TokenStore } from '../tokens/store/token-store.js';
import type { AuditAct } from '../trail/audit-act.js';
import type { AuditTrail } from '../trail/audit-trail.js';
import { type CountedGrants, countGrants } from '../tokens/store/vault-count.js';
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
} from '../tokens/store/vault-record.js';
import { expectedTables } from './database/schema-check.js';
import { NowggClientAdoptionEntity } from './entities/nowgg-client-adoption.entity.js';
import { NowggClientCountEntity } from './entities/nowgg-client-count.entity.js';
import { NowggClientEntity } from './entities/nowgg-client.entity.js';
import { NowggExchangeEntity } from './entities/nowgg-exchange.entity.js';
import { NowggGrantEntity } from './entities/nowgg-grant.entity.js';
import { NowggIssuedTokenEntity } from './entities/nowgg-issued-token.entity.js';
import { NowggKeyEntity } from './entities/nowgg-key.entity.js';
import { NowggSessionProofEntity } from './entities/nowgg-session-proof.entity.js';
import { NowggSchemaEntity } from './entities/nowgg-schema.entity.js';
import { NowggUserLockEntity } from './entities/nowgg-user-lock.entity.js';
import { NowggVaultCountEntity } from './entities/nowgg-vault-count.entity.js';
import { adoptionStatements } from './statements/adoption-statements.js';
import { clientStatements } from './statements/client-statements.js';
import { type ExchangeRow, exchangeStatements } from './statements/exchange-statements.js';
import { type GrantRow, grantRecordOf } from './statements/grant-row.js';
import { grantStatements } from './statements/grant-statements.js';
import { sessionStatements } from './statements/session-statements.js';
import type { TokenDatabase } from './database/token-database.js';
import { actsJson, AUDIT_ENTITIES, TypeOrmAuditTrail } from './typeorm-audit-trail.js';
import { lapsingStatements } from './statements/lapsing-statements.js';
import type { LapsingGrants } from '../tokens/store/lapsing.js';
import { Walks } from './walks.js';
import { vaultStatements } from './statements/vault-statements.js';

/** Whenever a process adds a row of counts, so that a client has few of them without any upkeep. */
const COUNTS_DELETED_AT_ONCE = 100;

/**
 * A process deletes twice as many claims that are over whenever it has made so many, so that few are left without any
 * upkeep. Not with each claim: while a long transaction keeps deleted rows, a look for others passes all of them.
 */
const CLAIMS_OF_A_SWEEP = 128;

const ENTITIES = [
  NowggGrantEntity,
  NowggExchangeEntity,
  NowggClientEntity,
  NowggClientCountEntity,
  NowggClientAdoptionEntity,
  NowggKeyEntity,
  NowggIssuedTokenEntity,
  NowggUserLockEntity,
  NowggSessionProofEntity,
  NowggVaultCountEntity,
  NowggSchemaEntity,
  ...AUDIT_ENTITIES,
];

/**
 * Implements the port with PostgreSQL. Every operation is one autocommit statement, except the admission of a session,
 * and leases use the database's clock.
 */
export class TypeOrmTokenStore extends TokenStore {
  readonly #database: TokenDatabase;
  readonly #clients: ReturnType<typeof clientStatements>;
  readonly #grants: ReturnType<typeof grantStatements>;
  readonly #exchanges: ReturnType<typeof exchangeStatements>;
  readonly #sessions: ReturnType<typeof sessionStatements>;
  readonly #vault: ReturnType<typeof vaultStatements>;
  readonly #adoptions: ReturnType<typeof adoptionStatements>;
  readonly #lapsing: ReturnType<typeof lapsingStatements>;
  readonly #audit: TypeOrmAuditTrail;
  readonly #walks: Walks;
  #claims = 0;

  constructor(database: TokenDatabase) {
    super();
    this.#database = database;
    this.#clients = clientStatements(database.tables);
    this.#grants = grantStatements(database.tables);
    this.#exchanges = exchangeStatements(database.tables);
    this.#sessions = sessionStatements(database.tables);
    this.#vault = vaultStatements(database.tables);
    this.#adoptions = adoptionStatements(database.tables);
    this.#lapsing = lapsingStatements(database.tables);
    this.#audit = new TypeOrmAuditTrail(database);
    this.#walks = new Walks(database);
  }

  override async checkSchema(): Promise<void> {
    await this.#database.checkSchema(expectedTables(ENTITIES));
  }

  override get audit(): AuditTrail {
    return this.#audit;
  }

  override async recordAct(act: AuditAct): Promise<void> {
    await this.#audit.record(act);
  }

  override async findGrant(id: string): Promise<GrantRecord | undefined> {
    return this.#grant(this.#grants.find, [id]);
  }

  override async listGrants(provider: string, userId: string, clientKey: string | undefined): Promise<GrantRecord[]> {
    return this.#grantList(this.#grants.list, [provider, userId, clientKey]);
  }

  override async listNewest(
    provider: string,
    userId: string,
    clientKey: string | undefined,
    limit: number,
  ): Promise<GrantRecord[]> {
    return this.#grantList(this.#sessions.listNewest, [provider, userId, clientKey, limit]);
  }

  override async listGrantsOfSession(provider: string, sessionId: string, clientKey: string): Promise<GrantRecord[]> {
    return this.#grantList(this.#grants.listOfSession, [provider, sessionId, clientKey]);
  }

  override async acquireLease(request: LeaseRequest): Promise<LeaseResult> {
    const { id, generation, owner, leaseMs, takeoverLeaseMs, quietMs, secret, pausesEndedAtMs } = request;
    const parameters = [id, generation, owner, leaseMs, takeoverLeaseMs, quietMs, secret, pausesEndedAtMs];
    const row = await this.#database.row<GrantRow & { mine: boolean }>(this.#grants.acquire, parameters);
    if (!row) return { outcome: 'ended' };
    const grant = grantRecordOf(row);
    if (row.mine) return { outcome: 'acquired', grant, predecessorInDoubt: grant.attemptStartedAtMs !== undefined };
    const outcome = classifyLease(grant, request);
    if (outcome === 'ended') return { outcome };
    // The statement refused a moment before a lease or a pause was over: the caller has to look again.
    return { outcome: outcome === 'acquired' ? 'held' : outcome, grant };
  }

  override async commitTokens(commit: TokenCommit): Promise<GrantRecord | undefined> {
    const { issued } = commit;
    const row = [
      commit.id,
      commit.generation,
      commit.sessionVersion,
      commit.refreshCiphertext,
      commit.accessCiphertext,
    ];
    const times = [commit.accessTokenExpiresAtMs, commit.refreshTokenExpiresAtMs, commit.withheldForMs];
    const token = [issued?.credentialId, commit.scopes, issued?.begunAtMs, WATERMARK_RETENTION_MS, EXPIRY_TOLERANCE_MS];
    return this.#grant(this.#grants.commit, [...row, ...times, ...token, commit.isForeign ?? false]);
  }

  override async recordFailure({ id, generation, owner, inDoubt, retryInMs }: AttemptFailure): Promise<boolean> {
    return this.#any(this.#grants.fail, [id, generation, owner, inDoubt, retryInMs]);
  }

  override async recordRefusal(refusal: AttemptRefusal): Promise<boolean> {
    const { id, generation, owner, state, failCode, evidence, retryInMs } = refusal;
    const { secret, count, runs, begins = false, confirmation } = evidence ?? {};
    const run = [secret, count, runs, begins, confirmation];
    return this.#any(this.#grants.refuse, [id, generation, owner, state, failCode, retryInMs, ...run]);
  }

  override async revokeGrant(id: string): Promise<GrantRecord | undefined> {
    return this.#grant(this.#grants.revoke, [id]);
  }

  override async noteHandleKey(id: string, keyId: string): Promise<void> {
    await this.#any(this.#grants.noteHandleKey, [id, keyId]);
  }

  override async noteSessionUse(id: string): Promise<void> {
    await this.#any(this.#grants.noteSessionUse, [id]);
  }

  override async advanceHandle({ id, sessionVersion, handleVersion, keyId }: HandleUse): Promise<void> {
    await this.#any(this.#grants.advanceHandle, [id, sessionVersion, handleVersion, keyId]);
  }

  override async settleKey({ id, sessionVersion, keyThumbprint }: KeySettlement): Promise<boolean> {
    return this.#any(this.#grants.settleKey, [id, sessionVersion, keyThumbprint ?? null]);
  }

  override async revokeUser(provider: string, userId: string, clientKey: string): Promise<GrantRecord[]> {
    // Two statements, so that the second sees what was stored while the first waited for the user's row.
    await this.#any(this.#grants.endSignIns, [provider, userId, clientKey]);
    return this.#grantList(this.#grants.revokeUser, [provider, userId, clientKey]);
  }

  override async findTokensOfEnded(grantId: string): Promise<TokensOfEndedGrant> {
    type Row = { sharesSession: boolean; tokens: string | null };
    const row = await this.#database.row<Row>(this.#grants.findTokensOfEnded, [grantId, EXPIRY_TOLERANCE_MS]);
    const tokens = JSON.parse(row?.tokens ?? '[]') as TokensOfEndedGrant['tokens'];
    return { sharesSession: row?.sharesSession ?? false, tokens };
  }

  override async wipeTexts(grantId: string): Promise<void> {
    await this.#any(this.#grants.wipe, [grantId]);
  }

  override async listUnwiped(endedForMs: number, afterId: string | undefined, limit: number): Promise<GrantRecord[]> {
    return this.#upkeepGrants(this.#vault.listUnwiped, [afterId, endedForMs, limit]);
  }

  override async findIssuedTokens(provider: string, credentialId: string): Promise<IssuedToken[]> {
    type Row = Omit<IssuedToken, 'scopes'> & { readonly scopes: string | null };
    const rows = await this.#database.rows<Row>(this.#grants.findIssuedTokens, [provider, credentialId]);
    return rows.map(({ scopes, ...token }) => ({
      ...token,
      scopes: scopes === null ? undefined : (JSON.parse(scopes) as string[]),
    }));
  }

  override async withholdGeneration({ id, generation, retryInMs }: WithheldGeneration): Promise<boolean> {
    return this.#any(this.#grants.withhold, [id, generation, retryInMs]);
  }

  override async endByEvidence({ id, generation, confirmedAtMs }: EndedByEvidence): Promise<boolean> {
    return this.#any(this.#grants.endByEvidence, [id, generation, confirmedAtMs]);
  }

  override async retryEnded(limit: number, after?: string): Promise<SweptRows> {
    return this.#sweepRows({ limit, after }, [['rows', this.#vault.retryEnded, []]]);
  }

  override async countRetryable(): Promise<number> {
    return this.#walks.count(this.#vault.countRetryable, []);
  }

  override async addClientOutcomes(outcomes: ClientOutcomes): Promise<void> {
    const { clientKey, secret, process, succeededAtMs, refusals, firstSuccesses, firstRefusals } = outcomes;
    await this.#any(this.#clients.add, [clientKey, secret, succeededAtMs, refusals]);
    if (firstSuccesses + firstRefusals === 0) return;
    const counts = [clientKey, secret, process, firstSuccesses, firstRefusals];
    const row = await this.#database.row<{ isNew: boolean }>(this.#clients.count, counts);
    if (row?.isNew) await this.#database.row(this.#clients.sweep, [clientKey, COUNTS_DELETED_AT_ONCE]);
  }

  override async findClientStanding({ clientKey, secret }: ClientSecret): Promise<ClientStanding> {
    type Row = { [K in keyof ClientStanding]: Exclude<ClientStanding[K], undefined> | null };
    const row = await this.#database.row<Row>(this.#clients.standing, [clientKey, secret]);
    const entries = Object.entries(row ?? {}).map(([name, value]) => [name, value ?? undefined]);
    return Object.fromEntries(entries) as ClientStanding;
  }

  override async takeDesignatedAttempt({ clientKey, secret }: ClientSecret, everyMs: number): Promise<boolean> {
    return this.#any(this.#clients.take, [clientKey, secret, everyMs]);
  }

  override async sweepClientCounts(limit: number): Promise<number> {
    return this.#count(this.#clients.sweep, [undefined, limit]);
  }

  override async claimExchange({ codeHash, owner, leaseMs, attemptKey }: ExchangeClaimRequest): Promise<ExchangeClaim> {
    const parameters = [codeHash, owner, leaseMs, attemptKey];
    type ClaimRow = ExchangeRow & { mine: boolean; inDoubt: boolean };
    const row = await this.#database.row<ClaimRow>(this.#exchanges.claim, parameters);
    if (!row) return { outcome: 'held' };
    const { mine, inDoubt: predecessorInDoubt, ...columns } = row;
    const exchange = exchangeRecordOf(columns);
    if (mine) return { outcome: 'acquired', exchange, predecessorInDoubt };
    return exchange.grantId === undefined ? { outcome: 'held' } : { outcome: 'completed', exchange };
  }

  override async findExchange(codeHash: string): Promise<ExchangeRecord | undefined> {
    const row = await this.#database.row<ExchangeRow>(this.#exchanges.find, [codeHash]);
    return row && exchangeRecordOf(row);
  }

  override async sealExchange(codeHash: string, replyCiphertext: Uint8Array): Promise<boolean> {
    return this.#any(this.#exchanges.seal, [codeHash, replyCiphertext]);
  }

  override async completeExchange(codeHash: string, grant: NewGrant): Promise<GrantRecord | undefined> {
    const row = [grant.id, grant.provider, grant.clientKey, grant.userId, grant.sessionId];
    const texts = [grant.refreshCiphertext, grant.accessCiphertext];
    const times = [grant.accessTokenExpiresAtMs, grant.refreshTokenExpiresAtMs];
    const token = [grant.issued?.credentialId, grant.scopes, WATERMARK_RETENTION_MS];
    const parameters = [codeHash, ...row, ...texts, ...times, FIRST_GENERATION, ...token];
    const device = [grant.device, grant.deviceKey, grant.place, grant.keyThumbprint];
    return this.#grant(this.#exchanges.complete, [...parameters, grant.handleKeyId, grant.originMac, ...device]);
  }

  override async admitSession(admission: SessionAdmission): Promise<AdmittedSession> {
    const { id, provider, userId, clientKey, max, whenFull } = admission;
    const sessions = [id, provider, userId, clientKey, max, whenFull === 'refuse', USED_RECENTLY_MS, SIGNING_IN_MS];
    type Row = GrantRow & { readonly isEnded: boolean; readonly isRefused: boolean };
    const rows = await this.#database.transaction<Row>([
      // No client has the empty key, so that clients that count together have one row.
      [this.#sessions.lock, [provider, clientKey ?? '', userId]],
      [this.#sessions.admit, sessions],
    ]);
    const ended = rows.filter(({ isEnded }) => isEnded).map(grantRecordOf);
    if (rows.length === 0) return { outcome: 'ended', ended };
    return { outcome: rows[0]?.isRefused ? 'refused' : 'admitted', ended };
  }

  override async listLive(provider: string, userId: string, clientKey: string, limit: number): Promise<GrantRecord[]> {
    return this.#grantList(this.#sessions.listLive, [provider, userId, clientKey, limit]);
  }

  override async claimProof(name: string, keptForMs: number): Promise<boolean> {
    const isFirst = await this.#any(this.#sessions.claimProof, [name, keptForMs]);
    this.#claims += 1;
    // The claim holds whether or not this works: the next one, or a sweep, deletes what is left.
    if (this.#claims % CLAIMS_OF_A_SWEEP === 0) await this.sweepProofs(2 * CLAIMS_OF_A_SWEEP).catch(() => undefined);
    return isFirst;
  }

  override async sweepProofs(limit: number, after?: string): Promise<SweptRows> {
    return this.#sweepRows({ limit, after }, [['rows', this.#vault.sweepProofs, []]]);
  }

  override async releaseExchange({ codeHash, owner, keepsLease }: ExchangeRelease): Promise<void> {
    await this.#any(this.#exchanges.release, [codeHash, owner, keepsLease]);
  }

  override async removeExchange({ codeHash, owner, unlessSealed }: ExchangeRemoval): Promise<boolean> {
    return this.#any(this.#exchanges.remove, [codeHash, owner, unlessSealed]);
  }

  override async listSealedOtherwise(
    header: Uint8Array,
    afterId: string | undefined,
    limit: number,
  ): Promise<ListedGrants> {
    return this.#listed(this.#vault.listSealedOtherwise, [header, afterId, limit]);
  }

  override async hasGrantsSealedOtherwise(header: Uint8Array): Promise<boolean> {
    const rows = await this.#database.upkeepRows<{ found: boolean }>(this.#vault.hasGrantsSealedOtherwise, [header]);
    return rows[0]?.found === true;
  }

  override async resealGrants(resealed: readonly ResealedGrant[]): Promise<number> {
    return this.#count(this.#vault.reseal, columnsOf(resealed));
  }

  override async hasRepliesSealedOtherwise(header: Uint8Array): Promise<boolean> {
    const rows = await this.#database.upkeepRows<{ found: boolean }>(this.#vault.hasRepliesSealedOtherwise, [header]);
    return rows[0]?.found === true;
  }

  override async listKeyChecks(): Promise<KeyCheck[]> {
    return this.#database.rows<KeyCheck>(this.#vault.listKeyChecks, []);
  }

  override async addKeyCheck({ keyId, checkCiphertext }: KeyCheck): Promise<void> {
    await this.#any(this.#vault.addKeyCheck, [keyId, checkCiphertext]);
  }

  override async removeKeyCheck(keyId: string): Promise<void> {
    await this.#any(this.#vault.removeKeyCheck, [keyId]);
  }

  override async countVault(): Promise<VaultCounts> {
    const rows = await this.#database.upkeepRows<CountedGrants>(this.#vault.count, []);
    const clients = await this.listClients();
    const exchanges = await this.#walks.count(this.#vault.countExchanges, [], MOST_EXCHANGES);
    return { ...countGrants(rows), clients, exchanges };
  }

  override async listClients(): Promise<ClientGrants[]> {
    const rows = await this.#database.rows<StoredClient & { grants: number; adoptedBy: string | null }>(
      this.#adoptions.list,
      [],
    );
    return rows.map(({ provider, clientKey, grants, adoptedBy }) => ({
      provider,
      clientKey,
      grants,
      ...(adoptedBy !== null && { adoptedBy }),
    }));
  }

  override async listGrantsOf(
    { provider, clientKey }: StoredClient,
    afterId: string | undefined,
    limit: number,
  ): Promise<ListedGrants> {
    return this.#listed(this.#adoptions.grantsOf, [provider, clientKey, afterId, limit]);
  }

  override async listLapsing(
    { client, idleMs, sinceAccessExpiry }: LapsingGrants,
    afterId: string | undefined,
    limit: number,
  ): Promise<ListedGrants> {
    const { provider, clientKey } = client;
    return this.#listed(this.#lapsing.list, [provider, clientKey, idleMs, sinceAccessExpiry, afterId, limit]);
  }

  override async recordAdoption({ provider, clientKey }: StoredClient, to: string): Promise<void> {
    await this.#any(this.#adoptions.record, [provider, clientKey, to]);
  }

  override async adoptGrants({ from, to, grants }: GrantAdoption): Promise<number> {
    return this.#count(this.#adoptions.adopt, [from.provider, from.clientKey, to, ...columnsOf(grants)]);
  }

  override async endGrantsOf({ provider, clientKey }: StoredClient, limit: number, after?: string): Promise<SweptRows> {
    return this.#sweepRows({ limit, after }, [['rows', this.#adoptions.end, [provider, clientKey]]]);
  }

  override async countSweepable(limits: SweepLimits): Promise<SweepCounts> {
    const { ended, expired, claimed } = this.#vault.countSweepable;
    const { endedForMs, expiredForMs, exchangeOlderThanMs } = limits;
    const grants = await this.#walks.count(ended, [endedForMs]);
    return {
      grants: grants + (await this.#walks.count(expired, [expiredForMs, endedForMs])),
      exchanges: await this.#walks.count(claimed, [exchangeOlderThanMs]),
    };
  }

  override async sweep(limits: SweepLimits, limit: number, after?: string): Promise<SweptGrants> {
    const { endedForMs, expiredForMs, exchangeOlderThanMs } = limits;
    const { ended, expired, claimed } = this.#vault.sweep;
    const swept = await this.#walks.change({ limit, after }, [
      ['grants', ended, [endedForMs]],
      ['grants', expired, [expiredForMs, endedForMs]],
      ['exchanges', claimed, [exchangeOlderThanMs]],
    ]);
    return { grants: swept.counts.grants ?? 0, exchanges: swept.counts.exchanges ?? 0, next: swept.next };
  }

  override async sweepTexts(endedForMs: number, limit: number, after?: string): Promise<SweptRows> {
    return this.#sweepRows({ limit, after }, [['rows', this.#vault.sweepTexts, [endedForMs]]]);
  }

  override async sweepIssuedTokens(limit: number, after?: string): Promise<SweptRows> {
    const { issuedTokens, unendedUsers, endedUsers } = this.#vault.sweepIssuedTokens;
    return this.#sweepRows({ limit, after }, [
      ['tokens', issuedTokens, [EXPIRY_TOLERANCE_MS]],
      ['unended', unendedUsers, []],
      ['ended', endedUsers, [USER_ENDS_KEPT_MS]],
    ]);
  }

  override async forgetUser(
    provider: string,
    userId: string,
    clientKey: string | undefined,
    act: AuditAct = { action: 'erase', provider, target: { kind: 'user', id: userId } },
  ): Promise<number> {
    return this.#count(this.#vault.forget, [provider, userId, clientKey, actsJson([act])]);
  }

  override async close(): Promise<void> {
    await this.#database.close();
  }

  async #listed(statement: string, parameters: readonly unknown[]): Promise<ListedGrants> {
    type Row = GrantRow & { readonly next: string | null };
    const rows = await this.#database.upkeepRows<Row>(statement, parameters);
    const grants = rows.filter(({ grant }) => grant !== null).map(grantRecordOf);
    return { grants, next: rows[0]?.next ?? undefined };
  }

  async #grant(statement: string, parameters: readonly unknown[]): Promise<GrantRecord | undefined> {
    const row = await this.#database.row<GrantRow>(statement, parameters);
    return row && grantRecordOf(row);
  }

  async #grantList(statement: string, parameters: readonly unknown[]): Promise<GrantRecord[]> {
    return (await this.#database.rows<GrantRow>(statement, parameters)).map(grantRecordOf);
  }

  async #upkeepGrants(statement: string, parameters: readonly unknown[]): Promise<GrantRecord[]> {
    return (await this.#database.upkeepRows<GrantRow>(statement, parameters)).map(grantRecordOf);
  }

  async #any(statement: string, parameters: readonly unknown[]): Promise<boolean> {
    return (await this.#database.rows(statement, parameters)).length > 0;
  }

  async #count(statement: string, parameters: readonly unknown[]): Promise<number> {
    return (await this.#database.upkeepRows<{ count: number }>(statement, parameters))[0]?.count ?? 0;
  }

  async #sweepRows(...of: Parameters<Walks['change']>): Promise<SweptRows> {
    const { counts, next } = await this.#walks.change(...of);
    return { rows: Object.values(counts).reduce((total, count) => total + count, 0), next };
  }
}

function columnsOf(resealed: readonly ResealedGrant[]): unknown[][] {
  const columns = ['id', 'generation', 'sessionVersion', 'refreshCiphertext', 'accessCiphertext'] as const;
  return columns.map((column) => resealed.map((each) => each[column]));
}

function exchangeRecordOf(row: ExchangeRow): ExchangeRecord {
  const entries = Object.entries(row).map(([name, value]) => [name, value ?? undefined]);
  return Object.fromEntries(entries) as ExchangeRecord;
}
