import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../../clock.js';
import type { AuditAct } from '../../trail/audit-act.js';
import type { AuditTrail } from '../../trail/audit-trail.js';
import type {
  ExchangeClaim,
  ExchangeClaimRequest,
  ExchangeRecord,
  ExchangeRelease,
  ExchangeRemoval,
} from './exchange-record.js';
import type {
  AttemptFailure,
  AttemptRefusal,
  EndedByEvidence,
  GrantRecord,
  HandleUse,
  KeySettlement,
  LeaseRequest,
  LeaseResult,
  NewGrant,
  TokenCommit,
  WithheldGeneration,
} from './grant-record.js';
import type { LapsingGrants } from './lapsing.js';
import type { IssuedToken, TokensOfEndedGrant } from './issued-token.js';
import type { AdmittedSession, SessionAdmission } from './session-record.js';
import type { ClientOutcomes, ClientSecret, ClientStanding } from './client-standing.js';
import type {
  ClientGrants,
  GrantAdoption,
  KeyCheck,
  ListedGrants,
  ResealedGrant,
  StoredClient,
  SweepCounts,
  SweepLimits,
  SweptGrants,
  SweptRows,
  VaultCounts,
} from './vault-record.js';

/**
 * Port for the storage of grants. Every operation is one atomic statement, and none is held open during a call to the
 * identity system. Leases and all other times use the store's own clock. Implementations throw
 * `IdentityUnavailableError` when the store cannot be reached and `NowggConfigurationError` when it is set up wrongly,
 * and never an error that carries a statement or its parameters.
 */
export abstract class TokenStore {
  /**
   * Checks, when the application starts, that this release can use the store.
   * @throws NowggConfigurationError that says what is missing or too new, and what to do
   */
  async checkSchema(): Promise<void> {
    // Stores that have no tables have nothing to check.
  }

  /** What this store has written about the acts that it was given. Undefined: it writes nothing about them. */
  get audit(): AuditTrail | undefined {
    return undefined;
  }

  /** Writes an act in the {@link audit}, before work begins that no single statement can do. */
  async recordAct(_act: AuditAct): Promise<void> {
    // Stores without an audit have nothing to write.
  }

  /** Finds a row by primary key. */
  abstract findGrant(id: string): Promise<GrantRecord | undefined>;

  /**
   * Lists every grant of this user, oldest first, in any state.
   * @param clientKey the client whose grants are listed; undefined for every client
   */
  abstract listGrants(provider: string, userId: string, clientKey: string | undefined): Promise<GrantRecord[]>;

  /** Lists at most `limit` grants of this user, those that can still be used first, then the newest. */
  async listNewest(
    provider: string,
    userId: string,
    clientKey: string | undefined,
    limit: number,
  ): Promise<GrantRecord[]> {
    const grants = await this.listGrants(provider, userId, clientKey);
    const isEnded = (grant: GrantRecord) => Number(grant.state !== 'active' && grant.state !== 'suspect');
    return grants
      .toSorted((one, other) => isEnded(one) - isEnded(other) || other.createdAtMs - one.createdAtMs)
      .slice(0, limit);
  }

  /** Lists every grant of this session of the identity system at a client, oldest first, in any state. */
  abstract listGrantsOfSession(provider: string, sessionId: string, clientKey: string): Promise<GrantRecord[]>;

  abstract acquireLease(request: LeaseRequest): Promise<LeaseResult>;

  /**
   * Stores a token set: generation plus one, `active`, lease and failures cleared. Fenced on generation, session
   * version and state, never on the lease: a late caller may hold the only rotated token.
   * @returns the stored row, or undefined when the fence rejected the write
   */
  abstract commitTokens(commit: TokenCommit): Promise<GrantRecord | undefined>;

  /** Ends the caller's attempt without a statement about the grant. @returns false when it is no longer the caller's */
  abstract recordFailure(failure: AttemptFailure): Promise<boolean>;

  /** Ends the caller's attempt with a refusal. @returns false when it is no longer the caller's */
  abstract recordRefusal(refusal: AttemptRefusal): Promise<boolean>;

  /**
   * Ends a grant. Its ciphertexts stay until {@link wipeTexts}.
   * @returns the grant as it was just before, or undefined when it was already revoked or does not exist
   */
  abstract revokeGrant(id: string): Promise<GrantRecord | undefined>;

  /**
   * Ends every grant of a user at a client, and every sign-in of the user that has claimed a code and not created its
   * grant yet: {@link completeExchange} creates that grant as `revoked`.
   * @returns the grants that this call revoked, as they were just before
   */
  abstract revokeUser(provider: string, userId: string, clientKey: string): Promise<GrantRecord[]>;

  /**
   * Stores the key of the session handle that was just presented. Unlike other writes, it does not change
   * `updatedAtMs`.
   */
  abstract noteHandleKey(id: string, keyId: string): Promise<void>;

  /** Sets `sessionUsedAtMs` of a live grant to now. Does not change `updatedAtMs` either. */
  abstract noteSessionUse(id: string): Promise<void>;

  /**
   * Raises `handleVersion` of a live grant, and stores what {@link noteHandleKey} and {@link noteSessionUse} do. Changes
   * nothing when the stored version is as great already: of any number of uses at a time, the first one writes. Does not
   * change `updatedAtMs` either, and conflicts with no other write.
   */
  abstract advanceHandle(use: HandleUse): Promise<void>;

  /**
   * Binds a live grant to a key where it has none and no handle of it was used yet, or settles that it has none: that is
   * noted as a use of the first handle, by `handleVersion`. Of any number of calls at a time, the first one decides.
   * Does not change `updatedAtMs`, and conflicts with no other write.
   * @returns whether the grant has this key now; for `undefined`, whether it has none
   */
  abstract settleKey(settlement: KeySettlement): Promise<boolean>;

  /** Finds the unexpired tokens of an ended grant, and whether another grant has the same session. */
  abstract findTokensOfEnded(grantId: string): Promise<TokensOfEndedGrant>;

  /** Deletes the ciphertexts of a revoked grant. */
  abstract wipeTexts(grantId: string): Promise<void>;

  /** Lists revoked grants that still have ciphertexts and ended this long ago, in order of id and after `afterId`. */
  abstract listUnwiped(endedForMs: number, afterId: string | undefined, limit: number): Promise<GrantRecord[]>;

  /** Finds the grants that hold a token that was handed out here. */
  abstract findIssuedTokens(provider: string, credentialId: string): Promise<IssuedToken[]>;

  /** Makes a grant `suspect` and its access token expired. @returns false when there is nothing to withhold */
  abstract withholdGeneration(withheld: WithheldGeneration): Promise<boolean>;

  /**
   * Makes a suspect grant `needs_reauth`. Its ciphertexts stay, so that it can be restored.
   * @returns false when it has changed since, or an attempt is in progress
   */
  abstract endByEvidence(ended: EndedByEvidence): Promise<boolean>;

  /**
   * Makes grants that ended by evidence and still have their ciphertexts `suspect` again, without their refusals.
   * @param limit most grants that are restored by this call
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract retryEnded(limit: number, after?: string): Promise<SweptRows>;

  /** Counts the grants that {@link retryEnded} would restore. */
  abstract countRetryable(): Promise<number>;

  /** Adds what a process has seen of a client secret. Deletes counts of this client that are no longer needed. */
  abstract addClientOutcomes(outcomes: ClientOutcomes): Promise<void>;

  /** Finds what all processes know about a client secret. */
  abstract findClientStanding(client: ClientSecret): Promise<ClientStanding>;

  /**
   * Takes the next designated attempt of a client secret, which all processes share.
   * @param everyMs minimum time between two of them, in milliseconds
   * @returns whether it was free
   */
  abstract takeDesignatedAttempt(client: ClientSecret, everyMs: number): Promise<boolean>;

  /** Deletes at most `limit` counts of first attempts that are no longer needed. @returns the number deleted */
  abstract sweepClientCounts(limit: number): Promise<number>;

  /** Claims a code that is new or whose lease is over; otherwise reports that another attempt holds or completed it. */
  abstract claimExchange(request: ExchangeClaimRequest): Promise<ExchangeClaim>;

  /** Finds a row by primary key. */
  abstract findExchange(codeHash: string): Promise<ExchangeRecord | undefined>;

  /**
   * Stores the token endpoint's reply. Not fenced on the lease, for the reason given at {@link commitTokens}.
   * @returns false when another reply is already stored, the exchange is complete or the claim is gone
   */
  abstract sealExchange(codeHash: string, replyCiphertext: Uint8Array): Promise<boolean>;

  /**
   * Creates the grant and completes the exchange, both or neither. The grant is created as `revoked` when
   * {@link revokeUser} has run for its user since the code was claimed.
   * @returns the new row, or undefined when the exchange was completed before or is gone
   */
  abstract completeExchange(codeHash: string, grant: NewGrant): Promise<GrantRecord | undefined>;

  /**
   * Counts a new grant among the sessions of its player, and ends as many others as there are too many: exact whatever
   * other processes do at the same time, all or nothing. Ends the other sessions of the same device, and all that do not
   * count, in any case. Leaves grants alone whose own admission may follow.
   */
  abstract admitSession(admission: SessionAdmission): Promise<AdmittedSession>;

  /**
   * Lists at most `limit` live grants of a user at a client, the newest first.
   */
  abstract listLive(provider: string, userId: string, clientKey: string, limit: number): Promise<GrantRecord[]>;

  /**
   * Claims the id of a proof, so that it is good once in all processes.
   * @param name SHA-256 of the proof's key and id, as 43 base64url characters
   * @param keptForMs time for which the claim is remembered at least
   * @returns false when it was claimed before
   */
  abstract claimProof(name: string, keptForMs: number): Promise<boolean>;

  /**
   * Deletes at most `limit` claims of proofs whose time is over. {@link claimProof} deletes some from time to time, so
   * that few are left without any upkeep.
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract sweepProofs(limit: number, after?: string): Promise<SweptRows>;

  /** Releases a code whose exchange is not finished; a stored reply stays. */
  abstract releaseExchange(release: ExchangeRelease): Promise<void>;

  /**
   * Deletes a code that was refused, or whose token proved invalid.
   * @returns false when it is no longer the caller's
   */
  abstract removeExchange(removal: ExchangeRemoval): Promise<boolean>;

  /**
   * Lists at most `limit` grants with a ciphertext that does not begin with `header`, in order of id and after
   * `afterId`. May look at a part of the grants only: fewer than `limit` do not mean that the list ends.
   */
  abstract listSealedOtherwise(header: Uint8Array, afterId: string | undefined, limit: number): Promise<ListedGrants>;

  /** Whether a grant has a ciphertext that does not begin with `header`. Does not look at every grant. */
  abstract hasGrantsSealedOtherwise(header: Uint8Array): Promise<boolean>;

  /** Stores re-encrypted grants. Skips rows that are locked or have changed since. @returns the number written */
  abstract resealGrants(resealed: readonly ResealedGrant[]): Promise<number>;

  /** Whether a stored reply of the token endpoint does not begin with `header`. */
  abstract hasRepliesSealedOtherwise(header: Uint8Array): Promise<boolean>;

  abstract listKeyChecks(): Promise<KeyCheck[]>;

  /** Stores a key check. Keeps an existing check of the same key. */
  abstract addKeyCheck(check: KeyCheck): Promise<void>;

  abstract removeKeyCheck(keyId: string): Promise<void>;

  abstract countVault(): Promise<VaultCounts>;

  /**
   * Lists clients with live grants, and clients whose grants were adopted: at most 100, those with the most grants
   * first. Reads kept counts and no grant.
   */
  abstract listClients(): Promise<ClientGrants[]>;

  /**
   * Lists at most `limit` live grants of a client in order of id and after `afterId`. May look at a part of the grants
   * only: fewer than `limit` do not mean that the list ends.
   */
  abstract listGrantsOf(client: StoredClient, afterId: string | undefined, limit: number): Promise<ListedGrants>;

  /**
   * Lists at most `limit` live grants of a client that are close to the end of their refresh token, see
   * {@link LapsingGrants}, in order of id and after `afterId`. May list others as well, and may look at a part of the
   * grants only: fewer than `limit` do not mean that the list ends.
   */
  async listLapsing({ client }: LapsingGrants, afterId: string | undefined, limit: number): Promise<ListedGrants> {
    return this.listGrantsOf(client, afterId, limit);
  }

  /** Stores that session handles of one client are good for the grants that another client takes over from it. */
  abstract recordAdoption(from: StoredClient, to: string): Promise<void>;

  /**
   * Gives grants to another client, in their next generation: an attempt of the client before commits nothing any more.
   * Their access tokens count as expired. Skips rows that are locked or leased, or have changed since.
   * @returns the number written
   */
  abstract adoptGrants(adoption: GrantAdoption): Promise<number>;

  /**
   * Revokes at most `limit` live grants of a client and deletes their ciphertexts. Skips rows that are locked.
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract endGrantsOf(client: StoredClient, limit: number, after?: string): Promise<SweptRows>;

  abstract countSweepable(limits: SweepLimits): Promise<SweepCounts>;

  /**
   * Deletes at most `limit` grants and at most `limit` claimed codes.
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract sweep(limits: SweepLimits, limit: number, after?: string): Promise<SweptGrants>;

  /**
   * Deletes the ciphertexts of at most `limit` grants that ended this long ago, revoked or not.
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract sweepTexts(endedForMs: number, limit: number, after?: string): Promise<SweptRows>;

  /**
   * Deletes at most `limit` expired tokens, and as many lock records of users without a recent end.
   * @param after the `next` of the batch before; undefined for the first
   */
  abstract sweepIssuedTokens(limit: number, after?: string): Promise<SweptRows>;

  /**
   * Deletes every grant of this user, at every client if `clientKey` is undefined.
   * @param act a store with an {@link audit} writes it in the same statement, and makes its rows about the user nameless
   * @returns the number of grants
   */
  abstract forgetUser(provider: string, userId: string, clientKey: string | undefined, act?: AuditAct): Promise<number>;

  /** Frees the resources that the store opened for itself. */
  async close(): Promise<void> {
    // Stores that open nothing of their own have nothing to free.
  }
}

/**
 * Token under which a module with a token store provides its `NowggTokenService` to the rest of this package. Absent
 * without a token store, so inject it as optional. With several modules, it is the one of the imported module.
 */
export const WIRED_TOKEN_SERVICE = Symbol('nestjs-nowgg-auth:wired-token-service');

/** The context that the module passes to a wiring when it creates the store. */
export interface TokenStoreContext {
  readonly clock: NowggClock;
}

/** The way to create a token store: the dependencies to inject and the factory. */
export interface TokenStoreWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: TokenStoreContext, ...dependencies: unknown[]): TokenStore;
}
