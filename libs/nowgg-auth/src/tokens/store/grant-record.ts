import type { GrantState } from './grant.js';
import type { NewIssuedToken, RefreshedToken } from './issued-token.js';

/** A grant as it is stored. Every time is epoch milliseconds of the store's clock, which all processes share. */
export interface GrantRecord {
  readonly id: string;
  readonly provider: string;
  /** Hash of the identity system's address and our client id. */
  readonly clientKey: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  readonly state: GrantState;
  /** The fence: plus one for each committed token set. */
  readonly generation: number;
  /** Plus one for each revocation; part of the session handle. */
  readonly sessionVersion: number;
  /** Empty once the grant has ended and the identity system was told. */
  readonly refreshCiphertext: Uint8Array;
  /** Empty as {@link refreshCiphertext}. */
  readonly accessCiphertext: Uint8Array;
  /** When the access token was stored. */
  readonly accessObtainedAtMs: number;
  readonly accessTokenExpiresAtMs: number | undefined;
  readonly refreshTokenExpiresAtMs: number | undefined;
  readonly leaseOwner: string | undefined;
  readonly leaseUntilMs: number | undefined;
  /** Set while an attempt is under way, and left behind by one whose end nobody knows. */
  readonly attemptStartedAtMs: number | undefined;
  /** Counted refusals in a row. */
  readonly failCount: number;
  /** The identity system's code of the last refusal. */
  readonly failCode: string | undefined;
  readonly failCountedAtMs: number | undefined;
  /** No refresh before this. */
  readonly nextAttemptAtMs: number | undefined;
  /** When the exchange that made it began: marks that are younger refuse it. */
  readonly begunAtMs: number;
  readonly createdAtMs: number;
  /** Last write of any kind. */
  readonly updatedAtMs: number;
  /** The store's clock when this record was read. */
  readonly readAtMs: number;
  /** Id of the key under which the newest session handle that was presented was made; undefined when not known. */
  readonly handleKeyId: string | undefined;
  /** Ties the grant to its code; see `originMac`. */
  readonly originMac: Uint8Array | undefined;
}

/** What a new grant begins with. Times are epoch milliseconds. */
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
  /** The access token, to be remembered. */
  readonly issued?: NewIssuedToken | undefined;
}

export interface LeaseRequest {
  readonly id: string;
  /** The generation that the caller found wanting. Any other stored one means: somebody was faster. */
  readonly generation: number;
  /** Unique for each attempt. */
  readonly owner: string;
  readonly leaseMs: number;
  /**
   * Length of the lease that takes over from an attempt whose end nobody knows. As long as such an attempt's reply can
   * still come, so that one unanswered call causes one replay and not a chain of them.
   */
  readonly takeoverLeaseMs: number;
  /** Not if anything was written to the grant within this time. 0 for a refresh that somebody waits for. */
  readonly quietMs: number;
}

/** Whether the caller may refresh now. `grant` is the row as it was just before. */
export type LeaseResult =
  /** `predecessorInDoubt`: an earlier attempt may have been carried out without anybody having seen its reply. */
  | { readonly outcome: 'acquired'; readonly grant: GrantRecord; readonly predecessorInDoubt: boolean }
  /** Somebody else is at it. */
  | { readonly outcome: 'held'; readonly grant: GrantRecord }
  /** The generation has moved on. */
  | { readonly outcome: 'already_fresh'; readonly grant: GrantRecord }
  /** Neither active nor suspect. */
  | { readonly outcome: 'not_active'; readonly grant: GrantRecord }
  /** `nextAttemptAtMs` has not come, or the quiet time is not over. */
  | { readonly outcome: 'not_yet'; readonly grant: GrantRecord }
  | { readonly outcome: 'missing' };

export interface TokenCommit {
  readonly id: string;
  /** Stored only while this is still the stored generation; it becomes this plus one. */
  readonly generation: number;
  readonly sessionVersion: number;
  /** Sealed for generation + 1. */
  readonly refreshCiphertext: Uint8Array;
  /** Sealed for generation + 1. */
  readonly accessCiphertext: Uint8Array;
  readonly accessTokenExpiresAtMs: number | undefined;
  readonly refreshTokenExpiresAtMs: number | undefined;
  /** The access token, to be remembered. */
  readonly issued?: RefreshedToken | undefined;
  /**
   * Whether the access token belongs to another user and must not be handed out: the grant becomes `suspect` and the
   * token counts as expired. Default: only if a grant of another user holds the same token.
   */
  readonly isForeign?: boolean | undefined;
  /** For how long no refresh begins then, milliseconds. */
  readonly withheldForMs?: number | undefined;
}

/** Which generation must not be handed out any more. */
export interface WithheldGeneration {
  readonly id: string;
  readonly generation: number;
  /** No refresh for this long. */
  readonly retryInMs: number;
}

/** Which attempt is meant; what is not (any more) the holder's attempt is left alone. */
export interface AttemptKey {
  readonly id: string;
  readonly generation: number;
  readonly owner: string;
}

export interface AttemptFailure extends AttemptKey {
  /** Whether the identity system may have carried the attempt out. */
  readonly inDoubt: boolean;
  /** No refresh for this long. */
  readonly retryInMs: number;
}

export interface AttemptRefusal extends AttemptKey {
  readonly state: Extract<GrantState, 'suspect' | 'needs_reauth'>;
  readonly failCode: string;
  readonly failCount: number;
  /** Whether this refusal counts: sets `failCountedAtMs`. */
  readonly counted: boolean;
  readonly retryInMs: number;
}
