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
  GrantRecord,
  LeaseRequest,
  LeaseResult,
  NewGrant,
  TokenCommit,
  WithheldGeneration,
} from './grant-record.js';
import type { IssuedToken, TokensOfEndedGrant } from './issued-token.js';
import type { KeyCheck, ResealedGrant, SweepCounts, SweepLimits, VaultCounts } from './vault-record.js';

/**
 * Port: where grants are kept. Every operation is one atomic statement, and none is held open while the identity system
 * is asked. Leases and all other times are by the store's own clock. Implementations throw `IdentityUnavailableError`
 * when the store cannot be asked and `NowggConfigurationError` when it is set up wrongly, and never anything that
 * carries a statement or its parameters.
 */
export abstract class TokenStore {
  /** By primary key. */
  abstract findGrant(id: string): Promise<GrantRecord | undefined>;

  /**
   * Every grant of this user, oldest first, whatever its state.
   * @param clientKey of the client whose grants are meant; undefined for those of every client
   */
  abstract listGrants(provider: string, userId: string, clientKey: string | undefined): Promise<GrantRecord[]>;

  abstract acquireLease(request: LeaseRequest): Promise<LeaseResult>;

  /**
   * Stores a token set: generation plus one, active, lease and failures cleared. Fenced on generation, session version
   * and state, never on the lease: whoever comes late may hold the only rotated token.
   * @returns the stored row, or undefined when the fence held
   */
  abstract commitTokens(commit: TokenCommit): Promise<GrantRecord | undefined>;

  /** Ends the caller's attempt without a word about the grant. @returns false when it was not his any more */
  abstract recordFailure(failure: AttemptFailure): Promise<boolean>;

  /** Ends the caller's attempt with a refusal. @returns false when it was not his any more */
  abstract recordRefusal(refusal: AttemptRefusal): Promise<boolean>;

  /**
   * Ends a grant. Its ciphertexts stay until {@link wipeTexts}.
   * @returns the grant as it was just before, or undefined when it was revoked before or does not exist
   */
  abstract revokeGrant(id: string): Promise<GrantRecord | undefined>;

  /**
   * Ends every grant of a user at a client, and every sign-in of the user that has claimed a code and not created its
   * grant yet: {@link completeExchange} creates it as `revoked`.
   * @returns the grants that this call revoked, as they were just before
   */
  abstract revokeUser(provider: string, userId: string, clientKey: string): Promise<GrantRecord[]>;

  /** Remembers under which key the session handle was made that was just presented. Counts as no other write does. */
  abstract noteHandleKey(id: string, keyId: string): Promise<void>;

  /** The tokens of a grant that has ended which are still out, and whether its session is another's too. */
  abstract findTokensOfEnded(grantId: string): Promise<TokensOfEndedGrant>;

  /** Deletes the ciphertexts of a revoked grant. */
  abstract wipeTexts(grantId: string): Promise<void>;

  /** Revoked grants that still have ciphertexts and ended this long ago, in order of id and after `afterId`. */
  abstract listUnwiped(endedForMs: number, afterId: string | undefined, limit: number): Promise<GrantRecord[]>;

  /** Who holds a token that was handed out here. */
  abstract findIssuedTokens(provider: string, credentialId: string): Promise<IssuedToken[]>;

  /** Makes a grant `suspect` and its access token expired. @returns false when there is nothing to withhold */
  abstract withholdGeneration(withheld: WithheldGeneration): Promise<boolean>;

  /** Remembers that this client just had a successful token reply. */
  abstract noteClientSuccess(clientKey: string): Promise<void>;

  /** When this client last had one, epoch milliseconds. */
  abstract findClientSuccess(clientKey: string): Promise<number | undefined>;

  /** Takes a code for this attempt: a new one, one whose lease is over, or says who has it. */
  abstract claimExchange(request: ExchangeClaimRequest): Promise<ExchangeClaim>;

  /** By primary key. */
  abstract findExchange(codeHash: string): Promise<ExchangeRecord | undefined>;

  /**
   * Keeps the token endpoint's reply. Not fenced on the lease, for the reason given at {@link commitTokens}.
   * @returns false when another reply is kept already, the exchange is complete or the claim is gone
   */
  abstract sealExchange(codeHash: string, replyCiphertext: Uint8Array): Promise<boolean>;

  /**
   * Creates the grant and completes the exchange, both or neither. The grant is created as `revoked` when
   * {@link revokeUser} has run for its user since the code was claimed.
   * @returns the new row, or undefined when the exchange was completed before or is gone
   */
  abstract completeExchange(codeHash: string, grant: NewGrant): Promise<GrantRecord | undefined>;

  /** Lets go of a code without having finished; a kept reply stays. */
  abstract releaseExchange(release: ExchangeRelease): Promise<void>;

  /**
   * Forgets a code that was refused, or whose token turned out to be no good.
   * @returns false when it was not the caller's any more
   */
  abstract removeExchange(removal: ExchangeRemoval): Promise<boolean>;

  /** Grants of which a ciphertext does not begin with `header`, in order of id and after `afterId`. */
  abstract listSealedOtherwise(header: Uint8Array, afterId: string | undefined, limit: number): Promise<GrantRecord[]>;

  /** Skips rows that are locked or have moved on. @returns how many were written */
  abstract resealGrants(resealed: readonly ResealedGrant[]): Promise<number>;

  /** Whether a kept reply of the token endpoint does not begin with `header`. */
  abstract hasRepliesSealedOtherwise(header: Uint8Array): Promise<boolean>;

  abstract listKeyChecks(): Promise<KeyCheck[]>;

  /** Keeps an existing check of the same key. */
  abstract addKeyCheck(check: KeyCheck): Promise<void>;

  abstract removeKeyCheck(keyId: string): Promise<void>;

  abstract countVault(): Promise<VaultCounts>;

  abstract countSweepable(limits: SweepLimits): Promise<SweepCounts>;

  /** Deletes at most `limit` of each. */
  abstract sweep(limits: SweepLimits, limit: number): Promise<SweepCounts>;

  /**
   * Deletes at most `limit` ciphertexts of grants that ended this long ago, revoked or not.
   * @returns how many grants had some
   */
  abstract sweepTexts(endedForMs: number, limit: number): Promise<number>;

  /** Forgets at most `limit` tokens that have expired, and as many users without a recent end. @returns how many */
  abstract sweepIssuedTokens(limit: number): Promise<number>;

  /** Deletes every grant of this user, at every client if `clientKey` is undefined. @returns how many */
  abstract forgetUser(provider: string, userId: string, clientKey: string | undefined): Promise<number>;

  /** Frees what the store opened for itself. */
  async close(): Promise<void> {
    // Stores that open nothing of their own have nothing to free.
  }
}
