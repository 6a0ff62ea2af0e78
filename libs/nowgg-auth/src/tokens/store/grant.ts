import type { IdTokenClaims } from '../../identity/id-token-claims.js';
import type { NowggPrincipal } from '../../principal.js';

/**
 * State of a grant.
 * - `active`: can be refreshed.
 * - `suspect`: the identity system refused it, but not definitely; a valid access token can still be used.
 * - `needs_reauth`: a definite refusal; only a new sign-in helps.
 * - `revoked`: ended by this application. Final.
 */
export type GrantState = 'active' | 'suspect' | 'needs_reauth' | 'revoked';

/** One sign-in of a player on one device. The tokens never leave the vault in this object. */
export interface NowggGrant {
  /** UUID. */
  readonly id: string;
  /** Name of the identity provider. */
  readonly provider: string;
  /** Unique within {@link provider}. */
  readonly userId: string;
  readonly sessionId?: string;
  readonly state: GrantState;
  /** Increases by one with each stored token set. */
  readonly generation: number;
  /**
   * The scopes that were granted with the newest access token: those that the token endpoint stated, else those of the
   * verified token, else the requested ones. Absent when they are not known, as for a code without its request.
   */
  readonly scopes?: readonly string[];
  /**
   * False for a sign-in without a refresh token (`refresh: 'optional'`): the grant ends with its access token. Absent for
   * every other grant.
   */
  readonly refreshable?: false;
  /**
   * Whether its session handle is bound to a key of the client, see `tokens.sessions.binding`: each use needs a proof.
   * Absent for every other grant.
   */
  readonly bound?: true;
  /** Absent when the identity system did not state it. */
  readonly accessTokenExpiresAt?: Date;
  /** Absent when the identity system did not state it. */
  readonly refreshTokenExpiresAt?: Date;
  readonly createdAt: Date;
}

/** An access token, ready to be sent. Keep it no longer than the call that needs it. */
export interface AccessToken {
  readonly token: string;
  /** Absent when the identity system did not state it. */
  readonly expiresAt?: Date;
  /** Pass it as `ifGeneration` after a 401, so that only the first of many such callers causes a refresh. */
  readonly generation: number;
}

/** The result of a code exchange. */
export interface CodeExchange {
  readonly grant: NowggGrant;
  readonly accessToken: AccessToken;
  readonly principal: NowggPrincipal;
  /**
   * Handle of this sign-in for the front end: names the grant and proves that this application issued it. Not a token.
   */
  readonly session: string;
  /**
   * The verified claims of the sign-in's id_token. Absent when the identity system sent none, when it could not be
   * verified, and when the code had been exchanged before.
   */
  readonly idToken?: IdTokenClaims;
}
