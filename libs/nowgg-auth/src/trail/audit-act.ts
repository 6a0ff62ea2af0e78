import { createHash } from 'node:crypto';

/**
 * What was done.
 * - `ban`, `sign_out`, `restore`: `revoke` with and without `until`, and `restore`.
 * - `erase`: every grant of a player was deleted, see `NowggVaultService.forget`.
 * - `key_rotation`: a rotation of encryption keys began or ended.
 * - `prune`: old rows of the audit were deleted.
 */
export type NowggAuditAction = 'ban' | 'sign_out' | 'restore' | 'erase' | 'key_rotation' | 'prune';

/** The kinds of targets of an act. */
export type NowggAuditKind = 'user' | 'session' | 'token' | 'credential';

/** Who does something, and why, for the audit. */
export interface NowggAuthor {
  /** Who does it, 1 to 255 characters, such as the name of an operator. */
  readonly by?: string;
  /**
   * Why, for the audit only: 1 to 500 characters, without control and direction characters. The player is not told. Write
   * no name or id of a player: it would stay when the player is erased.
   */
  readonly note?: string;
}

/** An act that a store writes in the audit together with what it changes. */
export interface AuditAct extends NowggAuthor {
  readonly action: NowggAuditAction;
  readonly provider?: string | undefined;
  /** The target. A user is stored under a random id; after an erasure, nothing tells whose it was. */
  readonly target?: { readonly kind: NowggAuditKind; readonly id: string } | undefined;
  readonly feature?: string | undefined;
  /** The end of a ban in epoch milliseconds; undefined for one that lasts until it is lifted. */
  readonly untilMs?: number | undefined;
  readonly reasonCode?: string | undefined;
  readonly reasonText?: string | undefined;
  /** What else there is to know: a key's id, a number of rows. No token, secret or user. */
  readonly detail?: string | undefined;
}

/**
 * The id under which the audit has a session, token or credential: it tells nothing to those who do not know the target.
 * Users have random ids instead, because user ids can be guessed.
 */
export function subjectOfTarget(provider: string, kind: NowggAuditKind, id: string): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([provider, kind, id]))
    .digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
