import type { NowggPrincipal } from '../../principal.js';

/**
 * - `active`: can be refreshed.
 * - `suspect`: the identity system said no, but not definitely; a valid access token goes on serving.
 * - `needs_reauth`: a definite no; only a new sign-in helps.
 * - `revoked`: ended by us. Final.
 */
export type GrantState = 'active' | 'suspect' | 'needs_reauth' | 'revoked';

/** One sign-in of a player on one device. The tokens themselves never leave the vault in this shape. */
export interface NowggGrant {
  /** UUID. */
  readonly id: string;
  /** Name of the identity provider. */
  readonly provider: string;
  /** Unique within {@link provider}. */
  readonly userId: string;
  readonly sessionId?: string;
  readonly state: GrantState;
  /** Plus one for each stored token set. */
  readonly generation: number;
  /** Absent when the identity system did not say. */
  readonly accessTokenExpiresAt?: Date;
  /** Absent when the identity system did not say. */
  readonly refreshTokenExpiresAt?: Date;
  readonly createdAt: Date;
}

/** An access token, ready to be sent. Keep it no longer than the call that needs it. */
export interface AccessToken {
  readonly token: string;
  /** Absent when the identity system did not say. */
  readonly expiresAt?: Date;
  /** Hand it back as `ifGeneration` after a 401, so that only the first of many such callers causes a refresh. */
  readonly generation: number;
}

/** What a code became. */
export interface CodeExchange {
  readonly grant: NowggGrant;
  readonly accessToken: AccessToken;
  readonly principal: NowggPrincipal;
  /** Handle of this sign-in for the front end: names the grant and proves that we issued it. Not a token. */
  readonly session: string;
}
