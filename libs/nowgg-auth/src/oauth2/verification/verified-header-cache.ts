import type { CryptoKey } from 'jose';
import type { Keys } from '../endpoints/jwks-source.js';

/** Maximum number of cached headers: issuers have a few, unless they put a nonce there. */
const MOST_HEADERS = 100;

/**
 * Encoded headers of verified tokens, with the keys that verified those tokens. For a token with the same header, the
 * header and the key need no second check. The cache is cleared as soon as there is another key set.
 */
export class VerifiedHeaderCache {
  #keys: Keys | undefined;
  readonly #byHeader = new Map<string, CryptoKey>();

  /** Finds the key for a header. @param keys the current key set, if there is one */
  find(keys: Keys | undefined, header: string): CryptoKey | undefined {
    if (keys !== this.#keys) {
      this.#keys = keys;
      this.#byHeader.clear();
    }
    return this.#byHeader.get(header);
  }

  /** Adds a header. @param key the key of this set that has verified a token with this header */
  note(keys: Keys, header: string, key: CryptoKey): void {
    if (keys !== this.#keys || this.#byHeader.size >= MOST_HEADERS) return;
    // A copy, because a substring of the token would keep the whole token in memory.
    this.#byHeader.set(Buffer.from(header, 'latin1').toString('latin1'), key);
  }
}
