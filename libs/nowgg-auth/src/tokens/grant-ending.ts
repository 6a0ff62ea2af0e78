import type { TokenRevocations } from '../revocation/token-revocations.js';
import type { GrantRecord } from './grant-record.js';
import type { TokenParts } from './token-parts.js';

/** How many grants' ends an identity system is told of at the same time. */
const AT_ONCE = 8;

/** Ends grants: first in the store, then at the identity system and for the tokens that are already out. */
export class GrantEnding {
  readonly #parts: TokenParts;
  readonly #revocations: TokenRevocations | undefined;
  readonly #telling = new Set<Promise<void>>();

  constructor(parts: TokenParts, revocations: TokenRevocations | undefined) {
    this.#parts = parts;
    this.#revocations = revocations;
  }

  async revoke(grantId: string): Promise<void> {
    const { store } = this.#parts;
    const revoked = await store.revokeGrant(grantId);
    if (revoked) return this.#end([revoked]);
    // Somebody may have come this far before and failed at the next step.
    const before = await store.findGrant(grantId);
    if (before?.state === 'revoked') await this.#refuseTokens(before);
  }

  async revokeUser(provider: string, userId: string, clientKey: string): Promise<number> {
    const grants = await this.#parts.store.revokeUser(provider, userId, clientKey);
    await this.#end(grants);
    return grants.length;
  }

  /** Waits until the identity systems have been told. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#telling);
  }

  async #end(grants: readonly GrantRecord[]): Promise<void> {
    // In the background: the grant is over here whether or not the identity system can be told.
    const telling = this.#tellAll(grants).finally(() => this.#telling.delete(telling));
    this.#telling.add(telling);
    await Promise.all(grants.map((grant) => this.#refuseTokens(grant)));
  }

  async #refuseTokens(grant: GrantRecord): Promise<void> {
    const { provider, userId, sessionId, accessNotAfterMs: notAfterMs } = grant;
    const accessToken = readable(() => this.#parts.vault.accessTokenOf(grant).token);
    const identityProvider = this.#parts.identityProviders.find(provider);
    const tokens =
      accessToken === undefined || !identityProvider
        ? []
        : [{ credentialId: identityProvider.credentialIdOf(accessToken), notAfterMs }];
    await this.#revocations?.refuseTokensOf({ provider, userId, sessionId, tokens });
  }

  async #tellAll(grants: readonly GrantRecord[]): Promise<void> {
    for (let at = 0; at < grants.length; at += AT_ONCE) {
      await Promise.all(grants.slice(at, at + AT_ONCE).map((grant) => this.#tell(grant)));
    }
  }

  async #tell(grant: GrantRecord): Promise<void> {
    const provider = this.#parts.identityProviders.find(grant.provider);
    const refreshToken = readable(() => this.#parts.vault.refreshTokenOf(grant));
    if (provider?.clientKey !== grant.clientKey || refreshToken === undefined) return;
    const accessToken = readable(() => this.#parts.vault.accessTokenOf(grant).token);
    const signal = AbortSignal.timeout(this.#parts.timing.softDeadlineMs);
    await provider.revoke(refreshToken, signal, accessToken).catch(() => undefined);
  }
}

/** Undefined for a ciphertext that does not open: it must not keep a grant from being ended. */
function readable(open: () => string): string | undefined {
  try {
    return open();
  } catch {
    return undefined;
  }
}
