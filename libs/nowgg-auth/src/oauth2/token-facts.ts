import { freezeClaims, isIdentifier, readText, readTimeClaim } from '../identity/claims.js';
import { readScopes } from '../identity/scopes.js';
import type { TokenFacts } from '../principal.js';
import type { OAuth2Client } from './oauth2-client.js';

/** What the claims do not say themselves, or say under another name. */
export interface FactsBeside {
  /** Default: the `sub` claim. */
  readonly userId?: unknown;
  readonly issuer?: string;
  readonly expiresAtMs?: number | undefined;
}

/** Facts from the claims of an access token or of an answer about one; undefined when they name no user. */
export function factsOf(
  client: OAuth2Client,
  claims: Readonly<Record<string, unknown>>,
  beside: FactsBeside = {},
): TokenFacts | undefined {
  const claim = (name: string) => (Object.hasOwn(claims, name) ? claims[name] : undefined);
  const userId = 'userId' in beside ? beside.userId : claim('sub');
  if (!isIdentifier(userId)) return undefined;
  return {
    provider: client.settings.name,
    clientKey: client.clientKey,
    tokenType: 'token',
    userId,
    issuer: beside.issuer ?? client.settings.issuer,
    scopes: readScopes(claim('scope') ?? claim('scp'), client.settings.scopeSeparator),
    expiresAtMs: beside.expiresAtMs ?? readTimeClaim(claim('exp')),
    issuedAtMs: readTimeClaim(claim('iat')),
    authTimeMs: readTimeClaim(claim('auth_time')),
    subject: readText(claim('sub')),
    sessionId: identifier(claim('sid')),
    tokenId: identifier(claim('jti')),
    email: readText(claim('email')),
    mobile: readText(claim('phone_number')),
    name: readText(claim('name')),
    picture: readText(claim('picture')),
    claims: freezeClaims(claims, [client.settings.issuer, client.settings.clientId]),
  };
}

function identifier(value: unknown): string | undefined {
  return isIdentifier(value) ? value : undefined;
}
