import { IssuedTokens } from '../revocation/issued-tokens.js';
import type { TokenStore } from './token-store.js';

/** The port on the token store. */
export class StoredIssuedTokens extends IssuedTokens {
  readonly #store: TokenStore;

  constructor(store: TokenStore) {
    super();
    this.#store = store;
  }

  /** The earliest, when the identity system handed the same token out more than once. */
  override async findBegunAt(provider: string, credentialId: string): Promise<number | undefined> {
    const tokens = await this.#store.findIssuedTokens(provider, credentialId);
    return tokens.length === 0 ? undefined : Math.min(...tokens.map(({ begunAtMs }) => begunAtMs));
  }
}
