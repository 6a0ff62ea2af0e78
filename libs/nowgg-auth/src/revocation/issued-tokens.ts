import type { MarkCause } from './marks/watermark.js';

/** Port: the vault's knowledge about the access tokens that it handed out. */
export abstract class IssuedTokens {
  /**
   * When the exchange or refresh that brought this token began, in epoch milliseconds of the store's clock; undefined
   * for a token that the vault did not hand out. Asked only when a watermark would refuse a token and the token does not
   * state when it was issued.
   *
   * @param credentialId see `IdentityProvider.credentialIdOf`
   */
  abstract findBegunAt(provider: string, credentialId: string): Promise<number | undefined>;

  /**
   * The scopes that were granted with this token; undefined when they are not known, as for a token that the vault did
   * not hand out to this user. Where several grants hold it, only the scopes that all of them know. Asked only when the
   * identity system states none.
   */
  abstract findScopes(provider: string, credentialId: string, userId: string): Promise<readonly string[] | undefined>;
}

/**
 * Port: checks whether a token that was handed out here belongs to the user for whom it was refreshed. Called once for
 * each token that does not name its user, when the identity system has just named the user.
 */
export abstract class TokenOwners {
  /**
   * Returns false when the token was handed out for another user's grant. The implementation has refused the token and
   * withheld it from the grant by then. Never throws: a failed look-up counts as confirmed.
   */
  abstract confirm(provider: string, token: string, userId: string): Promise<boolean>;
}

/** An access token that a grant handed out. */
export interface HandedOutToken {
  /** See `IdentityProvider.credentialIdOf`. */
  readonly credentialId: string;
  /** When it expires, epoch milliseconds; undefined when that is not known. */
  readonly notAfterMs: number | undefined;
}

/** A grant that was just revoked, with the data that identifies its tokens. */
export interface RevokedGrant {
  readonly provider: string;
  readonly userId: string;
  /** Only where no other live grant has this session. */
  readonly sessionId: string | undefined;
  /** Why it ended, where the holders of its tokens are told. */
  readonly cause?: MarkCause | undefined;
  /** Every token that the grant handed out and that has not expired. */
  readonly tokens: readonly HandedOutToken[];
}

/** A user or a session that the identity system has signed out. */
export interface ProviderSignOut {
  readonly provider: string;
  readonly kind: 'user' | 'session';
  readonly id: string;
  /** The last moment of the second in which it did so, in epoch milliseconds of its clock. */
  readonly atMs: number;
}

/** Port: refuses the tokens of a revoked grant here before they expire. */
export abstract class TokenRevocations {
  abstract refuseTokensOf(grant: RevokedGrant): Promise<void>;

  /**
   * Refuses what the identity system had issued before it signed a user or a session out.
   * @returns up to when grants have begun that it concerns, in epoch milliseconds of the store's clock
   */
  abstract refuseSignedOut(signOut: ProviderSignOut): Promise<number>;
}
