import type { IdentityProviders } from '../identity/identity-providers.js';
import { type TokenRevocations, TokenOwners } from '../revocation/issued-tokens.js';
import { publishSecurityEvent } from '../events/security-events.js';
import { DEFAULT_TIMING } from './calls/refresh-timing.js';
import type { TokenStore } from './store/token-store.js';

export interface StoredTokenOwnersParts {
  readonly store: TokenStore;
  readonly identityProviders: IdentityProviders;
  readonly revocations: TokenRevocations;
}

/** Compares the user whom the identity system names with the grants that the token was handed out for. */
export class StoredTokenOwners extends TokenOwners {
  readonly #parts: StoredTokenOwnersParts;

  constructor(parts: StoredTokenOwnersParts) {
    super();
    this.#parts = parts;
  }

  override async confirm(provider: string, token: string, userId: string): Promise<boolean> {
    const credentialId = this.#parts.identityProviders.get(provider).credentialIdOf(token);
    try {
      const holders = await this.#parts.store.findIssuedTokens(provider, credentialId);
      const others = holders.filter((holder) => holder.userId !== userId);
      for (const { grantId, generation } of others) await this.#withhold(provider, grantId, generation);
      if (others.length === 0) return true;
      const tokens = [{ credentialId, notAfterMs: undefined }];
      await this.#parts.revocations.refuseTokensOf({ provider, userId, sessionId: undefined, tokens });
      return false;
    } catch {
      // Without the store, only the identity system's statement is left, as for tokens that were not issued here.
      return true;
    }
  }

  async #withhold(provider: string, id: string, generation: number): Promise<void> {
    const { refusedRetryMs: retryInMs } = DEFAULT_TIMING;
    const isNews = await this.#parts.store.withholdGeneration({ id, generation, retryInMs });
    if (isNews) publishSecurityEvent({ type: 'foreign_tokens_refreshed', provider });
  }
}
