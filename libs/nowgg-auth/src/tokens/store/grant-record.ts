import type { GrantState, NowggGrant } from './grant.js';
import type { NewIssuedToken, RefreshedToken } from './issued-token.js';

/** A grant as it is stored. Every time is in epoch milliseconds of the store's clock, which all processes share. */
export interface GrantRecord {
  readonly id: string;
  readonly provider: string;
  /** Hash of the identity system's address and our client id. */
  readonly clientKey: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  readonly state: GrantState;
  /** The fence: increases by one with each committed token set. */
  readonly generation: number;
  /** Increases by one with each revocation; part of the session handle. */
  readonly sessionVersion: number;
  /** Empty once the grant has ended and the identity system was told. */
  readonly refreshCiphertext: Uint8Array;
  /** Empty under the same conditions as {@link refreshCiphertext}. */
  readonly accessCiphertext: Uint8Array;
  /** Time at which the access token was stored. */
  readonly accessObtainedAtMs: number;
  readonly accessTokenExpiresAtMs: number | undefined;
  readonly refreshTokenExpiresAtMs: number | undefined;
  readonly leaseOwner: string | undefined;
  readonly leaseUntilMs: number | undefined;
  /** Set while an attempt is in progress; stays set when the outcome of an attempt is unknown. */
  readonly attemptStartedAtMs: number | undefined;
  /** The identity system's code of the last refusal. */
  readonly failCode: string | undefined;
  /** The refusals of this generation so far; undefined when there is none that counts. */
  readonly refusal: RefusalRun | undefined;
  /** Time before which no refresh begins. `RefusalRun.untilMs` applies as well. */
  readonly nextAttemptAtMs: number | undefined;
  /** Time at which the exchange that created the grant began: newer revocations refuse it. */
  readonly begunAtMs: number;
  readonly createdAtMs: number;
  /** Time of the last write of any kind. */
  readonly updatedAtMs: number;
  /** The store's clock when this record was read. */
  readonly readAtMs: number;
  /** Id of the key that made the last presented session handle; undefined when unknown. */
  readonly handleKeyId: string | undefined;
  /** Version of the newest session handle that was handed out. In no fence and no ciphertext: see `SessionRotation`. */
  readonly handleVersion: number;
  /** Time from which the life of the session handle counts: its sign-in, or the update to the release that counts it. */
  readonly sessionBegunAtMs: number;
  /** Time at which the session handle was used, to the day: see `SessionEnds.notesUse`. */
  readonly sessionUsedAtMs: number;
  /** Ties the grant to its code; see `originMac`. */
  readonly originMac: Uint8Array | undefined;
  /** The scopes that were granted with the stored access token; undefined when they are not known. */
  readonly scopes: readonly string[] | undefined;
  /** Name of the device that signed in. */
  readonly device: string | undefined;
  /** Hash of the id that the device keeps; see `TokenStore.admitSession`. */
  readonly deviceKey: string | undefined;
  readonly place: string | undefined;
  /** Thumbprint (RFC 7638) of the key that its session handle is bound to; undefined for a handle that is good alone. */
  readonly keyThumbprint: string | undefined;
  /** Time at which the grant was counted among the sessions of its player; undefined where they are not limited. */
  readonly admittedAtMs: number | undefined;
}

/** Refusals of one generation under one client secret. Times are in epoch milliseconds of the store's clock. */
export interface RefusalRun {
  /** Fingerprint of the client secret that was sent. */
  readonly secret: string;
  /** Number of refusals since {@link firstAtMs}. */
  readonly count: number;
  /** Number of such series of refusals, each after a success of the client. */
  readonly runs: number;
  readonly firstAtMs: number;
  /** Time before which no refresh begins in a process that has the same secret. */
  readonly untilMs: number;
  /** Time of the refusal with which only a later success of the client is missing to end the grant. */
  readonly confirmedAtMs: number | undefined;
}

/** Initial values of a new grant. Times are in epoch milliseconds. */
export interface NewGrant {
  readonly id: string;
  readonly provider: string;
  readonly clientKey: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  readonly refreshCiphertext: Uint8Array;
  readonly accessCiphertext: Uint8Array;
  readonly accessTokenExpiresAtMs: number | undefined;
  readonly refreshTokenExpiresAtMs: number | undefined;
  /** Id of the key under which the session handle is made. */
  readonly handleKeyId?: string | undefined;
  /** Ties the grant to its code; see `originMac`. */
  readonly originMac?: Uint8Array | undefined;
  /** The granted scopes; undefined when they are not known. */
  readonly scopes?: readonly string[] | undefined;
  readonly device?: string | undefined;
  readonly deviceKey?: string | undefined;
  readonly place?: string | undefined;
  /** Thumbprint of the key that the session handle is bound to. */
  readonly keyThumbprint?: string | undefined;
  /** The access token, to be recorded with the granted scopes. */
  readonly issued?: NewIssuedToken | undefined;
}

/** A use of the current session handle, which hands out the next one. */
export interface HandleUse {
  readonly id: string;
  /** Stored only while this is still the stored session version. */
  readonly sessionVersion: number;
  /** The version that is handed out. Stored only if it is greater than the stored one. */
  readonly handleVersion: number;
  /** Id of the key that made the presented handle. */
  readonly keyId: string;
}

/** What the first redemption of a handoff decides about its session. */
export interface KeySettlement {
  readonly id: string;
  /** Stored only while this is still the stored session version. */
  readonly sessionVersion: number;
  /** The key that the session is to be bound to; undefined: none. */
  readonly keyThumbprint: string | undefined;
}

export interface LeaseRequest {
  readonly id: string;
  /** The generation that the caller wants to replace. If another one is stored, another attempt was faster. */
  readonly generation: number;
  /** Unique for each attempt. */
  readonly owner: string;
  readonly leaseMs: number;
  /**
   * Length of a lease that takes over from an attempt whose outcome is unknown. It lasts as long as that attempt's
   * reply can still arrive, so that one unanswered call causes one replay and not a chain of them.
   */
  readonly takeoverLeaseMs: number;
  /**
   * Refuses the lease if anything was written to the grant within this time. 0 for a refresh that a caller waits for.
   */
  readonly quietMs: number;
  /** Fingerprint of the client secret: the pause after a refusal under another secret does not apply. */
  readonly secret: string;
  /**
   * The pause after a refusal does not apply either if the grant was last written before this time, in epoch
   * milliseconds of the store's clock.
   */
  readonly pausesEndedAtMs?: number | undefined;
}

/** Whether the caller may refresh now. `grant` is the row as it was just before the request. */
export type LeaseResult =
  /** `predecessorInDoubt`: an earlier attempt may have been carried out although its reply was not seen. */
  | { readonly outcome: 'acquired'; readonly grant: GrantRecord; readonly predecessorInDoubt: boolean }
  /** Another attempt holds the lease. */
  | { readonly outcome: 'held'; readonly grant: GrantRecord }
  /** Another generation is stored, which the caller uses. */
  | { readonly outcome: 'adopted'; readonly grant: GrantRecord }
  /** `nextAttemptAtMs` is in the future, or the quiet time is not over. */
  | { readonly outcome: 'backing_off'; readonly grant: GrantRecord }
  /** The grant is neither `active` nor `suspect`, or does not exist. */
  | { readonly outcome: 'ended' };

export interface TokenCommit {
  readonly id: string;
  /** Stored only while this is still the stored generation, which then increases by one. */
  readonly generation: number;
  readonly sessionVersion: number;
  /** Encrypted for generation + 1. */
  readonly refreshCiphertext: Uint8Array;
  /** Encrypted for generation + 1. */
  readonly accessCiphertext: Uint8Array;
  readonly accessTokenExpiresAtMs: number | undefined;
  readonly refreshTokenExpiresAtMs: number | undefined;
  /** The scopes that the reply stated; undefined keeps the granted scopes as they are (RFC 6749 section 6). */
  readonly scopes?: readonly string[] | undefined;
  /** The access token, to be recorded with the granted scopes. */
  readonly issued?: RefreshedToken | undefined;
  /**
   * Whether the access token belongs to another user and must not be handed out: the grant becomes `suspect` and the
   * token counts as expired. Default: only if a grant of another user holds the same token.
   */
  readonly isForeign?: boolean | undefined;
  /** Time during which no refresh begins in that case, in milliseconds. */
  readonly withheldForMs?: number | undefined;
}

/** A generation that must no longer be handed out. */
export interface WithheldGeneration {
  readonly id: string;
  readonly generation: number;
  /** Time during which no refresh begins, in milliseconds. */
  readonly retryInMs: number;
}

/** Identifies an attempt. A write for an attempt that no longer holds the lease changes nothing. */
export interface AttemptKey {
  readonly id: string;
  readonly generation: number;
  readonly owner: string;
}

export interface AttemptFailure extends AttemptKey {
  /** Whether the identity system may have carried the attempt out. */
  readonly inDoubt: boolean;
  /** Time during which no refresh begins, in milliseconds. */
  readonly retryInMs: number;
}

export interface AttemptRefusal extends AttemptKey {
  readonly state: Extract<GrantState, 'suspect' | 'needs_reauth'>;
  readonly failCode: string;
  /** The next values of {@link GrantRecord.refusal}; undefined leaves them as they are. */
  readonly evidence:
    | (Pick<RefusalRun, 'secret' | 'count' | 'runs'> & {
        /** Whether this refusal is the first of its series. */
        readonly begins: boolean;
        /** Whether this refusal, an earlier one or none is the confirming one. */
        readonly confirmation: 'none' | 'kept' | 'new';
      })
    | undefined;
  /** Time during which no refresh begins, in milliseconds; with `evidence`, only under the same secret. */
  readonly retryInMs: number;
}

/** A grant that has ended by evidence, as the caller read it. */
export interface EndedByEvidence {
  readonly id: string;
  readonly generation: number;
  readonly confirmedAtMs: number;
}

/** The view of a stored grant that applications get. */
export function grantOf(record: GrantRecord): NowggGrant {
  const { id, provider, userId, sessionId, state, generation, scopes } = record;
  const { accessTokenExpiresAtMs, refreshTokenExpiresAtMs } = record;
  return {
    id,
    provider,
    userId,
    ...(sessionId !== undefined && { sessionId }),
    state,
    generation,
    ...(scopes && { scopes: Object.freeze([...scopes]) }),
    ...(!isRefreshable(record) && { refreshable: false as const }),
    ...(record.keyThumbprint !== undefined && { bound: true as const }),
    ...(accessTokenExpiresAtMs !== undefined && { accessTokenExpiresAt: new Date(accessTokenExpiresAtMs) }),
    ...(refreshTokenExpiresAtMs !== undefined && { refreshTokenExpiresAt: new Date(refreshTokenExpiresAtMs) }),
    createdAt: new Date(record.createdAtMs),
  };
}

/** The generation for which a new grant's tokens are encrypted. */
export const FIRST_GENERATION = 1;

/** The session version for which a new grant's tokens are encrypted. */
export const FIRST_SESSION_VERSION = 1;

/** The version of the first handle of a session. */
export const FIRST_HANDLE_VERSION = 1;

/** A newly created grant: active, generation 1, no lease. */
export function newGrantRecord(grant: Omit<NewGrant, 'issued'>, nowMs: number, begunAtMs = nowMs): GrantRecord {
  return {
    handleKeyId: undefined,
    originMac: undefined,
    scopes: undefined,
    device: undefined,
    deviceKey: undefined,
    place: undefined,
    keyThumbprint: undefined,
    admittedAtMs: undefined,
    ...grant,
    state: 'active',
    generation: FIRST_GENERATION,
    sessionVersion: FIRST_SESSION_VERSION,
    handleVersion: FIRST_HANDLE_VERSION,
    accessObtainedAtMs: nowMs,
    leaseOwner: undefined,
    leaseUntilMs: undefined,
    attemptStartedAtMs: undefined,
    failCode: undefined,
    refusal: undefined,
    nextAttemptAtMs: undefined,
    sessionBegunAtMs: nowMs,
    sessionUsedAtMs: nowMs,
    begunAtMs,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    readAtMs: nowMs,
  };
}

/** Whether a grant has not ended: it can be refreshed, or its access token can still be used. */
export function isLive({ state }: Pick<GrantRecord, 'state'>): boolean {
  return state === 'active' || state === 'suspect';
}

/** Whether a grant still has its ciphertexts. */
export function hasText({ refreshCiphertext }: GrantRecord): boolean {
  return refreshCiphertext.length > 0;
}

/** Bytes of a ciphertext beside the key id and the text: version, length of the key id, nonce, tag. */
const SEALED_BESIDE = 1 + 1 + 12 + 16;

/**
 * Whether a grant has a refresh token. The one of a grant without is stored as the encrypted empty text, which its
 * length shows: see the layout of `KeyRing`.
 */
export function isRefreshable({ refreshCiphertext }: Pick<GrantRecord, 'refreshCiphertext'>): boolean {
  return refreshCiphertext.length !== SEALED_BESIDE + (refreshCiphertext[1] ?? 0);
}

/**
 * Returns a grant as it was just before it ended, which is what its ciphertexts were encrypted for: ending it raised
 * the session version and re-encrypted nothing. A grant that has not ended is returned as it is.
 */
export function asSealed(grant: GrantRecord): GrantRecord {
  if (grant.state !== 'revoked') return grant;
  return { ...grant, state: 'active', sessionVersion: grant.sessionVersion - 1 };
}

/**
 * Returns the outcome of a lease request for a row as it was at `grant.readAtMs`. A store that decides in a statement
 * uses it to name the reason when the statement did not take the lease.
 */
export function classifyLease(
  grant: GrantRecord,
  request: Pick<LeaseRequest, 'generation' | 'quietMs' | 'secret' | 'pausesEndedAtMs'>,
): LeaseResult['outcome'] {
  const { generation, quietMs } = request;
  const now = grant.readAtMs;
  if (!isLive(grant)) return 'ended';
  if (grant.generation !== generation) return 'adopted';
  if (grant.leaseUntilMs !== undefined && grant.leaseUntilMs > now) return 'held';
  if (grant.nextAttemptAtMs !== undefined && grant.nextAttemptAtMs > now) return 'backing_off';
  if (quietMs > 0 && grant.updatedAtMs > now - quietMs) return 'backing_off';
  return isPausedByRefusal(grant, request) ? 'backing_off' : 'acquired';
}

function isPausedByRefusal(
  { refusal, readAtMs, updatedAtMs }: GrantRecord,
  { secret, pausesEndedAtMs = Number.NEGATIVE_INFINITY }: Pick<LeaseRequest, 'secret' | 'pausesEndedAtMs'>,
): boolean {
  return refusal?.secret === secret && refusal.untilMs > readAtMs && updatedAtMs >= pausesEndedAtMs;
}
