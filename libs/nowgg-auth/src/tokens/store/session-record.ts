import type { GrantRecord } from './grant-record.js';

/** `failCode` of a grant that a sign-in on another device has ended. */
export const SIGNED_IN_ELSEWHERE = 'signed_in_elsewhere' as const;
/** `failCode` of a grant that was not admitted, because its player had as many sessions as are allowed. */
export const TOO_MANY_SESSIONS = 'too_many_sessions';

/** Time for which a session counts after the last use of its handle, in milliseconds. */
export const USED_RECENTLY_MS = 600_000;
/** Time for which a new grant that was not admitted yet may still be, in milliseconds: its sign-in is in progress. */
export const SIGNING_IN_MS = 120_000;

/** A new grant that is to be counted among the sessions of its player. */
export interface SessionAdmission {
  readonly id: string;
  readonly provider: string;
  readonly userId: string;
  /** The client whose sessions count; undefined for those of every client of the provider. */
  readonly clientKey: string | undefined;
  /** Number of sessions that the player may have. */
  readonly max: number;
  readonly whenFull: 'end_oldest' | 'refuse';
}

export interface AdmittedSession {
  /**
   * `admitted`: the grant counts, now or since an earlier call. `refused`: there are as many sessions as are allowed; the
   * grant was ended. `ended`: the grant had ended before, and nothing changed.
   */
  readonly outcome: 'admitted' | 'refused' | 'ended';
  /**
   * The grants that this call has ended, as they were just before. For a grant that an earlier call has admitted: those
   * that still have their ciphertexts, because that call was cut off.
   */
  readonly ended: readonly GrantRecord[];
}
