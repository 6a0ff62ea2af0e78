import type { NowggPrincipal } from '../principal.js';
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
  readonly user: NowggUserView;
}

/** Answer of `POST refresh`. */
export interface NowggRefreshView extends NowggTokenView {
  /** Present when the handle was made with a key that is no longer the first: keep this one instead. */
  readonly session?: string;
}

export function tokenView({ token, expiresAt, generation }: AccessToken): NowggTokenView {
  return { token, ...(expiresAt && { tokenExpiresAt: expiresAt.toISOString() }), generation };
}

export function userView({ claims: _claims, ...user }: NowggPrincipal): NowggUserView {
  return user;
}
