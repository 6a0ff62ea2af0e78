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
