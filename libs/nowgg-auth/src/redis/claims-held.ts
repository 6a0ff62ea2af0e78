/** Claims that nobody gave back end in Redis by themselves; here they are forgotten when there are this many. */
const MAX_CLAIMS = 10_000;

/** Which keys this process has claimed, and whether it has written a verdict since. */
export class ClaimsHeld {
  readonly #answered = new Map<string, boolean>();

  add(key: string): void {
    if (this.#answered.size >= MAX_CLAIMS) this.#answered.clear();
    this.#answered.set(key, false);
  }

  /** A verdict was written for this key. */
  wrote(key: string): void {
    if (this.#answered.has(key)) this.#answered.set(key, true);
  }

  /** Forgets a claim. Gives whether a verdict was written under it, undefined when there was no claim. */
  take(key: string): boolean | undefined {
    const answered = this.#answered.get(key);
    this.#answered.delete(key);
    return answered;
  }
}
