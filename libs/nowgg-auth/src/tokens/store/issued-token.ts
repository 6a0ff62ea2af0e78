/** The record of an access token that the vault has stored: enough to refuse it later, and no part of it. */
export interface NewIssuedToken {
  /** See `IdentityProvider.credentialIdOf`. */
  readonly credentialId: string;
}

/** The record of a refreshed access token. */
export interface RefreshedToken extends NewIssuedToken {
  /** Time at which the refresh that returned it began, in epoch milliseconds of the store's clock. */
  readonly begunAtMs: number;
}

/** A recorded token and the grant that holds it. Several grants may hold one token: some systems hand it out again. */
export interface IssuedToken {
  readonly grantId: string;
  readonly userId: string;
  readonly generation: number;
  readonly begunAtMs: number;
  /** The scopes that were granted with it; undefined when they are not known. */
  readonly scopes: readonly string[] | undefined;
}

/** The unexpired tokens of a grant that has ended. */
export interface TokensOfEndedGrant {
  /** Whether a live grant has the same session. */
  readonly sharesSession: boolean;
  /** Every unexpired token that no live grant holds as well. */
  readonly tokens: readonly { readonly credentialId: string; readonly notAfterMs: number }[];
}

/** Time for which the end of all grants of a user is recorded: longer than any code can be sent again. */
export const USER_ENDS_KEPT_MS = 30 * 24 * 3_600_000;

/** Time after its expiry for which a token counts as unexpired, in milliseconds: the clocks of processes differ. */
export const EXPIRY_TOLERANCE_MS = 300_000;
