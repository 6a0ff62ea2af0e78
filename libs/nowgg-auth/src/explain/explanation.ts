import type { NowggBanRecord } from '../revocation/ban-record.js';
import type { GrantState } from '../tokens/store/grant.js';
import type { NowggAuditRow } from '../trail/audit-trail.js';

/**
 * How a session stands at this moment.
 * - `usable`: its access token is good.
 * - `refresh_due`: its access token has expired; the next use refreshes it.
 * - `refreshing`: a process refreshes it now, or was ended while it did.
 * - `waiting`: a refresh failed; no refresh begins before a time.
 * - `in_doubt`: the identity system refused it, and not definitely.
 * - `needs_sign_in`: the identity system refused it for good; only a new sign-in helps.
 * - `expired`: a sign-in without a refresh token, whose access token has expired.
 * - `banned`: its player or its session is banned.
 * - `signed_out`: ended by a sign-out here, or covered by one.
 * - `signed_in_elsewhere`: ended by a sign-in on another device.
 * - `not_admitted`: its player had as many sessions as are allowed.
 */
export type SessionStanding =
  | 'usable'
  | 'refresh_due'
  | 'refreshing'
  | 'waiting'
  | 'in_doubt'
  | 'needs_sign_in'
  | 'expired'
  | 'banned'
  | 'signed_out'
  | 'signed_in_elsewhere'
  | 'not_admitted';

/** A session of a player: one sign-in on one device. Times are those of the store's clock. */
export interface ExplainedSession {
  /** Id of the grant. It is not a credential. */
  readonly id: string;
  readonly provider: string;
  /** Key of the client that the grant belongs to, as `vault status` lists it. */
  readonly clientKey: string;
  readonly standing: SessionStanding;
  /** The reason of {@link standing} in one sentence. */
  readonly why: string;
  readonly state: GrantState;
  readonly generation: number;
  readonly device?: string;
  readonly place?: string;
  readonly signedInAt: Date;
  /** Last use of its handle, to the day; to the minute where `tokens.sessions.max` is set. */
  readonly lastSeenAt: Date;
  /** Time at which its newest access token was stored. */
  readonly lastRefreshedAt: Date;
  readonly accessTokenExpiresAt?: Date;
  readonly refreshTokenExpiresAt?: Date;
  /** Whether its handle has ended by its age. Absent where the limits are not known, as for the command. */
  readonly handleHasEnded?: boolean;
  /** What the row knows of a refresh that has not succeeded since. Absent when the last one succeeded. */
  readonly trouble?: RefreshTrouble;
}

/** What a row knows of refreshes that did not succeed. */
export interface RefreshTrouble {
  /** The identity system's code of the last refusal. */
  readonly code?: string;
  /** Number of refusals of this token set, since {@link refusedSince}, and of series of them. */
  readonly refusals?: number;
  readonly series?: number;
  readonly refusedSince?: Date;
  /** An attempt that began then has no outcome: it is in progress, or its process was ended. */
  readonly attemptBeganAt?: Date;
  /** Until then no other process refreshes it. */
  readonly leaseUntil?: Date;
  /** Before that no refresh begins. */
  readonly nextAttemptAt?: Date;
}

/**
 * A revocation in the store that refuses something at this moment. Sign-outs of single sessions are not listed: see
 * {@link ExplainedSession.standing}.
 */
export interface ExplainedMark {
  readonly on: 'user' | 'session' | 'credential';
  /** `everything`: a ban. `issued_before`: a sign-out; what was issued up to {@link until} is refused. */
  readonly refuses: 'everything' | 'issued_before';
  /** Absent for a ban without an end. */
  readonly until?: Date;
  /** When a sign-out was written. Absent when it is not known. */
  readonly writtenAt?: Date;
  readonly cause?: 'signed_in_elsewhere';
}

/** What a route without requirements answers at this moment. */
export interface ExplainedVerdict {
  /**
   * `accepted` and `refused`: what this process answers. `open`: nothing here refuses it; the identity system decides, when
   * it is asked.
   */
  readonly outcome: 'accepted' | 'refused' | 'open';
  /** Reason of a refusal, as routes answer it: `user_banned`, `revoked_token`, `expired_token` and others. */
  readonly reason?: string;
  /**
   * `memory`: this process has a verdict about the token. `store`: grants and revocations alone. `identity_system`: it was
   * asked, as `ask` demanded.
   */
  readonly from: 'memory' | 'store' | 'identity_system';
  readonly why: string;
}

/** The answer of {@link NowggExplainService.explain}. It has no token, session handle or ciphertext. */
export interface NowggExplanation {
  readonly provider: string;
  /** Absent for a token of which it is not known here whose it is. */
  readonly userId?: string;
  readonly verdict: ExplainedVerdict;
  /** The ban of the player in force. */
  readonly ban?: NowggBanRecord;
  readonly marks: readonly ExplainedMark[];
  /** At most 50, live ones first, then the newest. */
  readonly sessions: readonly ExplainedSession[];
  /** Whether there are more sessions than {@link sessions} lists. */
  readonly hasMoreSessions: boolean;
  /** What is known of the token. Absent when a user id was given. */
  readonly token?: ExplainedToken;
  /** Acts of operators on the player, the newest 20. Absent where the stores keep no audit. */
  readonly audit?: readonly NowggAuditRow[];
  /** How well this process knows the bans. Absent for the command, which reads the store. */
  readonly bansKnown?: { readonly isLoaded: boolean; readonly ageMs?: number };
}

/** What is known of a token. */
export interface ExplainedToken {
  /** The fingerprint that events of this process use for it. Absent for the command. */
  readonly fingerprint?: string;
  readonly wellFormed: boolean;
  /** Sessions that it was handed out for, by their ids, and whether it is still the newest one of each. */
  readonly handedOutFor: readonly { readonly sessionId: string; readonly isNewest: boolean; readonly at: Date }[];
  /** Claims of the token, not verified. Absent for an opaque token. */
  readonly claimed?: { readonly issuedAt?: Date; readonly expiresAt?: Date };
}
