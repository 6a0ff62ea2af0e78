/**
 * Port: the vault's knowledge about the access tokens that it handed out. Asked only when a watermark would refuse a
 * token and the token does not state when it was issued.
 */
export abstract class IssuedTokens {
  /**
   * When the exchange or refresh that brought this token began, in epoch milliseconds of the store's clock; undefined
   * for a token that the vault did not hand out.
   *
   * @param credentialId see `IdentityProvider.credentialIdOf`
   */
  abstract findBegunAt(provider: string, credentialId: string): Promise<number | undefined>;
}
