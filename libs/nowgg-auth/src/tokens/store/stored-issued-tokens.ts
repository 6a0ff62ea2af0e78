import { IssuedTokens } from '../../revocation/issued-tokens.js';
import type { TokenStore } from './token-store.js';

/** A token whose exchange is in progress in this process. */
export interface TokenUnderWay {
  readonly credentialId: string;
  /** Time at which the exchange began, in epoch milliseconds of the store's clock. */
  readonly begunAtMs: number;
  /** The granted scopes; undefined when they are not known. */
  readonly scopes: readonly string[] | undefined;
}

/** Implements the port with the token store and with the exchanges in progress in this process. */
export class StoredIssuedTokens extends IssuedTokens {
  readonly #store: TokenStore;
  readonly #underWay = new Map<string, TokenUnderWay>();

  constructor(store: TokenStore) {
    super();
    this.#store = store;
  }

  /** Makes a token known while `work` lasts: an exchange verifies its token before a grant holds it. */
  async during<T>(provider: string, token: TokenUnderWay, work: () => Promise<T> | T): Promise<T> {
    const key = keyOf(provider, token.credentialId);
    this.#underWay.set(key, token);
    try {
      return await work();
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** Returns the earliest time when the identity system handed the same token out more than once. */
  override async findBegunAt(provider: string, credentialId: string): Promise<number | undefined> {
    const tokens = await this.#store.findIssuedTokens(provider, credentialId);
    if (tokens.length > 0) return Math.min(...tokens.map(({ begunAtMs }) => begunAtMs));
    return this.#underWay.get(keyOf(provider, credentialId))?.begunAtMs;
  }

  override async findScopes(
    provider: string,
    credentialId: string,
    userId: string,
  ): Promise<readonly string[] | undefined> {
    const tokens = await this.#store.findIssuedTokens(provider, credentialId);
    const underWay = this.#underWay.get(keyOf(provider, credentialId));
    const own = tokens.filter((token) => token.userId === userId);
    const granted = [...own, ...(underWay ? [underWay] : [])].flatMap(({ scopes }) => (scopes ? [scopes] : []));
    const [first, ...others] = granted;
    return first?.filter((scope) => others.every((scopes) => scopes.includes(scope)));
  }
}

function keyOf(provider: string, credentialId: string): string {
  return JSON.stringify([provider, credentialId]);
}
