import type { CryptoKey } from 'jose';
import type { Keys } from '../endpoints/jwks-source.js';

/** So many are remembered: issuers have a few, unless they put a nonce there. */
const MOST_HEADERS = 100;

/**
 * Headers of tokens, as they were encoded, that were found good, with the keys that verified those tokens. A token with
 * the same header needs neither judged again. Void as soon as there is another key set.
 */
export class VerifiedHeaderCache {
  #keys: Keys | undefined;
  readonly #byHeader = new Map<string, CryptoKey>();

  /** @param keys the set at hand, if there is one */
  find(keys: Keys | undefined, header: string): CryptoKey | undefined {
    if (keys !== this.#keys) {
      this.#keys = keys;
      this.#byHeader.clear();
    }
    return this.#byHeader.get(header);
  }

  /** @param key of this set, which has verified a token with this header */
  note(keys: Keys, header: string, key: CryptoKey): void {
    if (keys !== this.#keys || this.#byHeader.size >= MOST_HEADERS) return;
    // A copy: as a part of the token's text it would keep all of it.
    this.#byHeader.set(Buffer.from(header, 'latin1').toString('latin1'), key);
  }
}
