/** The player and the client to issue a code or token for. Default: the first player and the first client. */
export interface IssueRequest {
  userId?: string | undefined;
  clientId?: string | undefined;
}

/** @see IssueRequest */
export interface IssueCodeRequest extends IssueRequest {
  /** The `scope` claim of the tokens that are issued for the code, default `email`. */
  scope?: string | undefined;
  /** The text of the code, default a random one. A code of the same text that there was before is replaced. */
  code?: string | undefined;
}

/** @see IssueRequest */
export interface IssueTokensRequest extends Omit<IssueCodeRequest, 'code'> {
  /**
   * Lifetime of this token in seconds; zero or negative issues an expired one. Refreshed tokens have the usual
   * lifetime.
   */
  lifetimeSeconds?: number | undefined;
}

/** @see IssueRequest */
export interface IssueIdTokenRequest extends IssueRequest {
  /** Time at which the player signed in, in epoch seconds; default now. */
  authTime?: number | undefined;
  /** Lifetime of this id_token in seconds; zero or negative issues an expired one. */
  lifetimeSeconds?: number | undefined;
}

/** A token set as the token endpoint returns it, with the ids that its token contains. Times are epoch milliseconds. */
export interface IssuedTokens {
  readonly token: string;
  readonly tokenId: string;
  readonly tokenExpiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAtMs: number;
  readonly sessionId: string;
  readonly userId: string;
  readonly clientId: string;
}

/** Result of a refresh; has a refresh token only when refresh tokens rotate. */
export type RefreshedTokens = Pick<IssuedTokens, 'token' | 'tokenExpiresAtMs'> &
  Partial<Pick<IssuedTokens, 'refreshToken' | 'refreshTokenExpiresAtMs'>>;

/** Result of a token check: the token's claims, or one of the two documented refusals. */
export type TokenCheck<Claims> =
  | { readonly status: 'valid'; readonly claims: Claims }
  | { readonly status: 'expired' }
  | { readonly status: 'invalid' };
