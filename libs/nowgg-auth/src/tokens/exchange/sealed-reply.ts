import type { IdentityProvider, TokenSet } from '../../identity/identity-provider.js';
import type { SealContext } from '../vault/key-ring.js';
import type { Vault } from '../vault/vault.js';

/** Encrypts a reply of the token endpoint, for storage between the call and the grant. */
export function sealReply(vault: Vault, provider: IdentityProvider, codeHash: string, tokens: TokenSet): Uint8Array {
  const { accessToken, accessTokenExpiresAtMs, refreshToken, refreshTokenExpiresAtMs, subject } = tokens;
  const reply = { accessToken, accessTokenExpiresAtMs, refreshToken, refreshTokenExpiresAtMs, subject };
  return vault.ring.seal(JSON.stringify(reply), contextOf(provider, codeHash));
}

/**
 * Decrypts a stored reply. Only the output of {@link sealReply} can be decrypted, so its shape needs no second check.
 */
export function openReply(
  vault: Vault,
  provider: IdentityProvider,
  codeHash: string,
  replyCiphertext: Uint8Array,
): TokenSet {
  const owner = { provider: provider.name, grantId: undefined };
  return JSON.parse(vault.open(replyCiphertext, contextOf(provider, codeHash), owner)) as TokenSet;
}

function contextOf({ name, clientKey }: IdentityProvider, codeHash: string): SealContext {
  return { purpose: 'exchange', id: codeHash, provider: name, clientKey, userId: '', sessionVersion: 0, generation: 0 };
}
