/** A grant that was just revoked, and what its tokens can be told by. */
export interface RevokedGrant {
  readonly provider: string;
  readonly userId: string;
  readonly sessionId: string | undefined;
  /** The stored access token, when it could be opened: refuse it from now on. Keep no copy beyond the call. */
  readonly accessToken: string | undefined;
}

/** Port: how the tokens of a revoked grant are refused here before they expire. */
export abstract class TokenRevocations {
  abstract refuseTokensOf(grant: RevokedGrant): Promise<void>;
}
