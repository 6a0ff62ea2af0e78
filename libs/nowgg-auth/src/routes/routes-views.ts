import type { NowggPrincipal } from '../principal.js';
import type { NowggSession } from '../tokens/session/player-sessions.js';
import type { AccessToken } from '../tokens/store/grant.js';

/** An access token as the routes return it. */
export interface NowggTokenView {
  readonly token: string;
  /** ISO 8601; absent when the identity system did not state it. */
  readonly tokenExpiresAt?: string;
  /** Generation of the token: send it with a refresh after this token was refused. */
  readonly generation: number;
}

/** The caller as the routes return them: the principal without its raw claims. */
export type NowggUserView = Omit<NowggPrincipal, 'claims'>;

/** Answer of `POST login`. */
export interface NowggLoginView extends NowggTokenView {
  /** The front end keeps this handle and sends it to refresh and to sign out. */
  readonly session: string;
  /** Whether the handle is bound to the key of the proof: each refresh and the sign-out need a proof. Absent otherwise. */
  readonly bound?: true;
  readonly user: NowggUserView;
}

/** Answer of `POST refresh`. */
export interface NowggRefreshView extends NowggTokenView {
  /** The handle from now on, unless it is still the one that was sent: store it before you use it. */
  readonly session?: string;
}

/** A session of the caller as `GET sessions` returns it. */
export interface NowggSessionView {
  /** For `DELETE sessions/:id`. Not a credential. */
  readonly id: string;
  /** As the device named itself: show it as text, never as markup. */
  readonly device?: string;
  readonly place?: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601, to the day; to the minute where the number of sessions is limited. */
  readonly lastSeenAt: string;
  /** Whether the token of the request belongs to it. */
  readonly current: boolean;
}

/** Answer of `GET sessions`. */
export interface NowggSessionsView {
  /** Newest first. */
  readonly sessions: readonly NowggSessionView[];
}

/** Answer of `DELETE sessions`. */
export interface NowggEndedSessionsView {
  /** Number of sessions that were ended. */
  readonly ended: number;
}

export function sessionView({ createdAt, lastSeenAt, ...session }: NowggSession): NowggSessionView {
  return { ...session, createdAt: createdAt.toISOString(), lastSeenAt: lastSeenAt.toISOString() };
}

export function tokenView({ token, expiresAt, generation }: AccessToken): NowggTokenView {
  return { token, ...(expiresAt && { tokenExpiresAt: expiresAt.toISOString() }), generation };
}

export function userView({ claims: _claims, ...user }: NowggPrincipal): NowggUserView {
  return user;
}
