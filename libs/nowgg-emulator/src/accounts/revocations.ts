/** Revoked tokens: single tokens by fingerprint, and all tokens of a player up to a moment. */
export class Revocations {
  readonly #tokens = new Set<string>();
  /** By user id: the sequence up to which all tokens of the player are revoked. */
  readonly #upTo = new Map<string, number>();

  /** Whether any single token was revoked. If none was, the common case, no fingerprint has to be computed. */
  get haveTokens(): boolean {
    return this.#tokens.size > 0;
  }

  addToken(tokenFingerprint: string): void {
    this.#tokens.add(tokenFingerprint);
  }

  addPlayer(userId: string, sequence: number): void {
    this.#upTo.set(userId, sequence);
  }

  coverToken(tokenFingerprint: string): boolean {
    return this.#tokens.has(tokenFingerprint);
  }

  coverPlayer(userId: string, sequence: number): boolean {
    return sequence <= (this.#upTo.get(userId) ?? 0);
  }

  clear(): void {
    this.#tokens.clear();
    this.#upTo.clear();
  }
}
