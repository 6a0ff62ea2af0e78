/** An access token as it is remembered when the vault has stored it: enough to refuse it later, and no part of it. */
export interface NewIssuedToken {
  /** See `IdentityProvider.credentialIdOf`. */
  readonly credentialId: string;
  /** The scopes that the reply stated; undefined when it stated none. */
  readonly scopes: readonly string[] | undefined;
}

/** The token of a refresh. */
export interface RefreshedToken extends NewIssuedToken {
  /** When the refresh that brought it began, epoch milliseconds of the store's clock. */
  readonly begunAtMs: number;
}

/** A remembered token and the grant that holds it. One token may have several: some systems hand it out again. */
export interface IssuedToken {
  readonly grantId: string;
  readonly userId: string;
  readonly generation: number;
  readonly begunAtMs: number;
}

/** What is still out of a grant that has ended. */
export interface TokensOfEndedGrant {
  /** Whether a grant that lives has the same session. */
  readonly sharesSession: boolean;
  /** Every unexpired token that no grant which lives holds as well. */
  readonly tokens: readonly { readonly credentialId: string; readonly notAfterMs: number }[];
}

/** How long it is remembered that all grants of a user were ended: longer than any code can be brought again. */
export const USER_ENDS_KEPT_MS = 30 * 24 * 3_600_000;

/** For this long after its expiry a token counts as unexpired, milliseconds: the clocks of processes differ. */
export const EXPIRY_TOLERANCE_MS = 300_000;
