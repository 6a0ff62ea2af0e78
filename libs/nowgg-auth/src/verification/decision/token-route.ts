import type { NowggClock } from '../../clock.js';
import type { IdentityProvider } from '../../identity/identity-provider.js';
import type { IdentityProviders } from '../../identity/identity-providers.js';
import type { InvalidReason } from '../../identity/reasons.js';
import { decodeUnverifiedJws, type UnverifiedJws } from '../../identity/unverified-jws.js';
import type { TokenType } from '../../principal.js';
import { isBearerToken } from '../../identity/token-text.js';
import type { AuthenticationPolicy } from './verdict.js';

/** The provider that verifies a token and the kind of token, found by inspecting it; or the reason to refuse it. */
type TokenRoute =
  | {
      readonly provider: IdentityProvider;
      readonly tokenType: TokenType;
      readonly isPlausible: boolean;
      readonly local: boolean;
      /** Undefined for an opaque token, and where a provider decodes it itself. */
      readonly jws?: UnverifiedJws | undefined;
    }
  | { readonly refuse: InvalidReason };

/** Whether a route accepts a kind of token. */
export function acceptsTokenType(
  tokenType: TokenType,
  policy: AuthenticationPolicy,
  acceptTokenTypes: readonly TokenType[],
): boolean {
  return policy.tokenType === undefined ? acceptTokenTypes.includes(tokenType) : policy.tokenType === tokenType;
}

/** Inspects a token that is not cached. Refuses it or finds the provider to ask; never accepts it. */
export function routeToken(
  token: string,
  policy: AuthenticationPolicy,
  providers: IdentityProviders,
  acceptTokenTypes: readonly TokenType[],
  clock: NowggClock,
): TokenRoute {
  const only = policy.provider === undefined ? providers.only() : providers.get(policy.provider);
  // Verified here as a whole and sent nowhere: its form is checked only when it is refused.
  if (only?.isLocal) return localDestination(only, policy, acceptTokenTypes);
  if (!isBearerToken(token)) return { refuse: 'malformed_token' };
  const jws = decodeUnverifiedJws(token);
  const provider = only ?? (policy.provider === undefined && jws ? providers.findRecognising(jws) : undefined);
  // With several providers an opaque token is sent to none: it could be another system's secret.
  if (!provider) return { refuse: jws ? 'wrong_client' : 'invalid_token' };
  const inspection = provider.inspect(jws, clock.now());
  if (inspection.action === 'refuse') return { refuse: inspection.reason };
  const tokenType = inspection.tokenType ?? policy.tokenType ?? defaultTokenType(provider, acceptTokenTypes);
  const taken = acceptsTokenType(tokenType, policy, acceptTokenTypes) && provider.tokenTypes.includes(tokenType);
  return taken
    ? {
        provider,
        tokenType,
        isPlausible: jws !== undefined && provider.recognises(jws),
        local: inspection.local ?? false,
        jws,
      }
    : { refuse: 'wrong_token_type' };
}

function localDestination(
  provider: IdentityProvider,
  policy: AuthenticationPolicy,
  acceptTokenTypes: readonly TokenType[],
): TokenRoute {
  const tokenType = policy.tokenType ?? defaultTokenType(provider, acceptTokenTypes);
  return acceptsTokenType(tokenType, policy, acceptTokenTypes) && provider.tokenTypes.includes(tokenType)
    ? { provider, tokenType, isPlausible: false, local: true }
    : { refuse: 'wrong_token_type' };
}

function defaultTokenType(provider: IdentityProvider, acceptTokenTypes: readonly TokenType[]): TokenType {
  return provider.tokenTypes.find((tokenType) => acceptTokenTypes.includes(tokenType)) ?? 'token';
}
