import { randomUUID } from 'node:crypto';
import type { IdentityProvider, TokenSet } from '../../identity/identity-provider.js';
import type { NowggPrincipal } from '../../principal.js';
import { originMac } from '../vault/grant-origin.js';
import type { NewGrant } from '../store/grant-record.js';
import { FIRST_GENERATION, FIRST_SESSION_VERSION } from '../store/new-grant-record.js';
import { accessTokenExpiry, type Vault } from '../vault/vault.js';

/** Builds the grant for a verified token set. @param tokens have a refresh token */
export function firstGrant(
  vault: Vault,
  provider: IdentityProvider,
  principal: NowggPrincipal,
  tokens: TokenSet,
  codeHash: string,
): NewGrant {
  const { name, clientKey } = provider;
  const id = randomUUID();
  const context = {
    id,
    provider: name,
    clientKey,
    userId: principal.userId,
    sessionVersion: FIRST_SESSION_VERSION,
    generation: FIRST_GENERATION,
  };
  return {
    id,
    provider: name,
    clientKey,
    userId: principal.userId,
    sessionId: principal.sessionId,
    ...vault.sealTokens(context, tokens.accessToken, tokens.refreshToken as string),
    accessTokenExpiresAtMs: principal.expiresAt?.getTime() ?? accessTokenExpiry(tokens),
    refreshTokenExpiresAtMs: tokens.refreshTokenExpiresAtMs,
    handleKeyId: vault.ring.sealingKeyId,
    originMac: originMac(vault.ring, codeHash, id),
    issued: { credentialId: provider.credentialIdOf(tokens.accessToken), scopes: undefined },
  };
}
