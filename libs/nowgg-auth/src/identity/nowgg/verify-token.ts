import {
  freezeClaims,
  isIdentifier,
  isJsonObject,
  ownProperty,
  readAudience,
  readText,
  readTimeClaim,
} from '../claims.js';
import type { IdentityHttpOutcome, IdentityHttpRequest } from '../identity-http.js';
import type { IdentityVerdict } from '../identity-provider.js';
import type { TokenFacts, TokenType } from '../../principal.js';
import type { InvalidReason } from '../reasons.js';
import { readScopes } from '../scopes.js';
import { readEnvelope } from './envelope.js';

/** The client that sends the request, and that the token must be issued for. */
export interface NowggClient {
  readonly provider: string;
  readonly clientKey: string;
  readonly baseUrl: string;
  readonly issuer: string;
  readonly clientId: string;
}

/** `POST /accounts/oauth2/v1/verify-token`. The secret is sent for kind `token` only: an id_token needs none. */
export function verifyTokenRequest(
  client: NowggClient & { readonly clientSecret: string | undefined },
  token: string,
  tokenType: TokenType,
  signal: AbortSignal,
): IdentityHttpRequest {
  const secret = tokenType === 'token' ? client.clientSecret : undefined;
  return {
    purpose: 'verify',
    method: 'POST',
    url: `${client.baseUrl}/accounts/oauth2/v1/verify-token`,
    json: {
      token_type: tokenType,
      token,
      client_id: client.clientId,
      ...(secret !== undefined && { client_secret: secret }),
    },
    signal,
    idempotent: true,
  };
}

/** The only two codes that refuse the token. Any other refusal says nothing about it. */
const REFUSALS = { EXPIRED_TOKEN: 'expired_token', INVALID_TOKEN: 'invalid_token' } as const;

/** Reads the verdict about the token; everything that is not a well-formed answer is `unknown`. */
export function readVerifyTokenReply(
  client: NowggClient,
  tokenType: TokenType,
  reply: Extract<IdentityHttpOutcome, { status: 'reply' }>,
  nowMs: number,
): IdentityVerdict {
  const reading = readEnvelope(reply, 'VERIFICATION_SUCCESS');
  if (reading.kind === 'unknown') {
    return { status: 'unknown', reason: reading.reason, retryAfterMs: reading.retryAfterMs };
  }
  if (reading.kind === 'refusal') {
    return Object.hasOwn(REFUSALS, reading.code)
      ? refusal(tokenType, REFUSALS[reading.code as keyof typeof REFUSALS])
      : { status: 'unknown', reason: 'invalid_response' };
  }
  const decoded = ownProperty(reading.body, 'decodedData');
  return isJsonObject(decoded)
    ? judgeClaims(client, tokenType, decoded, nowMs)
    : { status: 'unknown', reason: 'invalid_response' };
}

/** `INVALID_TOKEN` may also mean a wrong secret where one was sent, which is never the case for an id_token. */
function refusal(tokenType: TokenType, reason: InvalidReason): IdentityVerdict {
  return tokenType === 'id_token'
    ? { status: 'invalid', reason, independentOfClient: true }
    : { status: 'invalid', reason };
}

/** Reads the facts from the claims of a token, as now.gg has decoded them. */
export function judgeClaims(
  client: NowggClient,
  askedAs: TokenType,
  decoded: Record<string, unknown>,
  nowMs: number,
): IdentityVerdict {
  const claim = (name: string) => ownProperty(decoded, name);
  const issuer = claim('iss');
  const audience = readAudience(claim('aud'));
  const expiresAtMs = readTimeClaim(claim('exp'));
  const userId = claim('userId');
  const sessionId = claim('sessionId');
  const tokenId = claim('tokenId');
  if (
    typeof issuer !== 'string' ||
    !audience ||
    expiresAtMs === undefined ||
    !isIdentifier(userId) ||
    !isOptionalIdentifier(sessionId) ||
    !isOptionalIdentifier(tokenId)
  ) {
    return { status: 'unknown', reason: 'invalid_response' };
  }
  if (!audience.includes(client.clientId)) return finding('wrong_client');
  if (issuer !== client.issuer) return finding('invalid_token');
  if (expiresAtMs <= nowMs) return finding('expired_token');
  const facts: TokenFacts = {
    provider: client.provider,
    clientKey: client.clientKey,
    tokenType: kindOf(decoded) ?? askedAs,
    userId,
    issuer: client.issuer,
    scopes: readScopes(claim('scope')),
    expiresAtMs,
    issuedAtMs: readTimeClaim(claim('iat')),
    authTimeMs: readTimeClaim(claim('auth_time')),
    subject: readText(claim('sub')),
    sessionId: sessionId ?? undefined,
    tokenId: tokenId ?? undefined,
    email: readText(claim('email')),
    mobile: readText(claim('mobile')),
    name: readText(claim('name')),
    picture: readText(claim('picture')),
    countryCode: readText(claim('countryCode')),
    claims: freezeClaims(decoded, [client.issuer, client.clientId]),
  };
  return { status: 'valid', facts };
}

/** The claims that now.gg documents for a token, each of which a verdict is based on. */
const TOKEN_CLAIMS = ['iss', 'aud', 'exp', 'iat', 'tokenId', 'sessionId', 'userId', 'scope'];

/** Whether claims are those of a token, with all that verify-token is documented to say about it. */
export function statesAllClaims(claims: Readonly<Record<string, unknown>>): boolean {
  const isComplete = TOKEN_CLAIMS.every((name) => Object.hasOwn(claims, name) && claims[name] !== null);
  return isComplete && typeof claims.scope === 'string' && readTimeClaim(claims.iat) !== undefined;
}

function finding(reason: InvalidReason): IdentityVerdict {
  return { status: 'invalid', reason, isOwnFinding: true };
}

/** The kind of token by its claims: `tokenId` only in tokens; `sub` or `auth_time` without it only in id_tokens. */
export function kindOf(claims: Readonly<Record<string, unknown>>): TokenType | undefined {
  if (Object.hasOwn(claims, 'tokenId')) return 'token';
  return Object.hasOwn(claims, 'sub') || Object.hasOwn(claims, 'auth_time') ? 'id_token' : undefined;
}

function isOptionalIdentifier(value: unknown): value is string | undefined | null {
  return value === undefined || value === null || isIdentifier(value);
}
