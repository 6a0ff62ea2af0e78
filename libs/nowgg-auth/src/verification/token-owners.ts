/**
 * Port: whether a token that was handed out here belongs to the user for whom it was refreshed. Asked once for each
 * token that does not name its user, when the identity system has just done so.
 */
export abstract class TokenOwners {
  /**
   * False when the token was handed out for another user's grant. The implementation has refused the token and withheld
   * it from the grant by then. Never throws: what cannot be looked up counts as confirmed.
   */
  abstract confirm(provider: string, token: string, userId: string): Promise<boolean>;
}
