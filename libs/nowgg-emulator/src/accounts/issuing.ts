/** Whose code or token to make. Without `userId` the first player, without `clientId` the first client. */
export interface IssueRequest {
  userId?: string | undefined;
  clientId?: string | undefined;
}

/** @see IssueRequest */
export interface IssueCodeRequest extends IssueRequest {
  /** The `scope` claim of the tokens that the code will give, default `email`. */
  scope?: string | undefined;
}

/** @see IssueRequest */
export interface IssueTokensRequest extends IssueCodeRequest {
  /** Life of this token in seconds; zero or negative makes one that has expired already. Refreshed ones live as usual. */
  lifetimeSeconds?: number | undefined;
}

/** @see IssueRequest */
export interface IssueIdTokenRequest extends IssueRequest {
  /** When the player signed in, epoch seconds; default now. */
  authTime?: number | undefined;
  /** Life of this id_token in seconds; zero or negative makes one that has expired already. */
  lifetimeSeconds?: number | undefined;
}

/** A token set as the token endpoint hands it out, with the ids that its token bears. Times are epoch milliseconds. */
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

/** What comes of a refresh: a refresh token only when they rotate. */
export type RefreshedTokens = Pick<IssuedTokens, 'token' | 'tokenExpiresAtMs'> &
  Partial<Pick<IssuedTokens, 'refreshToken' | 'refreshTokenExpiresAtMs'>>;

/** The answer to "is this token good?": its claims, or one of the two documented refusals. */
export type TokenCheck<Claims> =
  | { readonly status: 'valid'; readonly claims: Claims }
  | { readonly status: 'expired' }
  | { readonly status: 'invalid' };
