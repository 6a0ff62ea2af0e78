import { freezeClaims, isIdentifier, readText, readTimeClaim, withoutInherited } from '../../identity/claims.js';
import { readScopes } from '../../identity/scopes.js';
import type { TokenFacts } from '../../principal.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';

/** Facts that the claims do not contain, or contain under another name. */
interface FactsBeside {
  /** Default: the `sub` claim. */
  readonly userId?: unknown;
  readonly issuer?: string;
  readonly expiresAtMs?: number | undefined;
  /** Whether an answer without scopes says that the token has none. Default true. */
  readonly statesScopes?: boolean;
}

/** Creates facts from the claims of an access token or of an answer about one; undefined when they name no user. */
export function factsOf(
  client: OAuth2Client,
  claims: Readonly<Record<string, unknown>>,
  beside: FactsBeside = {},
): TokenFacts | undefined {
  const { sub, scope, scp, exp, iat, auth_time, sid, jti, email, phone_number, name, picture } =
    withoutInherited(claims);
  const userId = 'userId' in beside ? beside.userId : sub;
  if (!isIdentifier(userId)) return undefined;
  const { settings } = client;
  return {
    provider: settings.name,
    clientKey: client.clientKey,
    tokenType: 'token',
    userId,
    issuer: beside.issuer ?? settings.issuer,
    scopes: readScopes(scope ?? scp, settings.scopeSeparator),
    ...(beside.statesScopes === false && (scope ?? scp) === undefined && { areScopesUnstated: true }),
    expiresAtMs: beside.expiresAtMs ?? readTimeClaim(exp),
    issuedAtMs: readTimeClaim(iat),
    authTimeMs: readTimeClaim(auth_time),
    subject: readText(sub),
    sessionId: identifier(sid),
    tokenId: identifier(jti),
    email: readText(email),
    mobile: readText(phone_number),
    name: readText(name),
    picture: readText(picture),
    claims: freezeClaims(claims, [settings.issuer, settings.clientId]),
  };
}

function identifier(value: unknown): string | undefined {
  return isIdentifier(value) ? value : undefined;
}
