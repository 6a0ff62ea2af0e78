import {
  compactVerify,
  type CryptoKey,
  decodeProtectedHeader,
  exportJWK,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import * as openid from 'openid-client';
import { NowggConfigurationError } from '../../errors.js';
import { ownProperty } from '../../identity/claims.js';
import type { AuthorizationCallback, CodeExchangeRequest, TokenOutcome } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { verifyIdToken } from './id-token.js';
import type { IdentityCall } from './identity-call.js';
import type { Loading } from './cached-document.js';
import type { OAuth2Client } from './oauth2-client.js';
import { readTokenFailure, readTokens } from './token-reply.js';

type NoTokens = Exclude<TokenOutcome, { status: 'tokens' }>;

/** A call to the token endpoint that resolves to a checked reply. */
type Grant = (configuration: openid.Configuration) => Promise<openid.TokenEndpointResponse>;

/**
 * Exchanges a code for a token set. A code from the authorization flow is accepted only with everything that belongs to
 * it: state, issuer, verifier, and an id_token that is signed by the issuer, for this client, with the flow's nonce.
 */
export async function exchangeCode(client: OAuth2Client, request: CodeExchangeRequest): Promise<TokenOutcome> {
  const { settings } = client;
  const { authorization, codeVerifier, signal } = request;
  const redirectUri = request.redirectUri ?? settings.redirectUri;
  if (redirectUri === undefined) throw new NowggConfigurationError('redirectUri is needed to exchange a code');
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return notSent(metadata.reason);
  if (authorization?.nonce !== undefined) {
    // Before the code is used up, because its id_token cannot be verified without keys.
    const keys = await client.keys.all(signal);
    if (keys.status === 'failed') return notSent(keys.reason);
  }
  const call = client.call(signal, false, authorization ? undefined : 'id_token', 'code');
  const checks: openid.AuthorizationCodeGrantChecks = {
    ...(codeVerifier !== undefined && { pkceCodeVerifier: codeVerifier }),
    ...(authorization && { expectedState: authorization.state }),
    // With it the library requires an id_token.
    ...(authorization?.nonce !== undefined && { expectedNonce: authorization.nonce }),
  };
  const url = new URL(redirectUri);
  url.search = authorization?.parameters ?? new URLSearchParams({ code: request.code }).toString();
  let keysFailure: UnknownReason | undefined;
  call.answerInstead(metadata.value.jwks_uri, async () => {
    const keys = await keysFor(client, call, signal);
    if (keys.status === 'failed') keysFailure = keys.reason;
    return keys.status === 'loaded' ? keys.value : undefined;
  });
  const server = authorization
    ? metadata.value
    : // Without the authorization response its promised `iss` cannot be required.
      { ...metadata.value, authorization_response_iss_parameter_supported: false };
  const extra = settings.sendsStateAndScopeWithCode ? stateAndScope(client, authorization) : {};
  const outcome = await callFor(client, call, server, async (configuration) => {
    openid.enableNonRepudiationChecks(configuration);
    return openid.authorizationCodeGrant(configuration, url, checks, extra);
  });
  if (keysFailure !== undefined) return { status: 'in_doubt', reason: keysFailure };
  // Nothing was sent: the callback does not match the request that the browser was sent with.
  if (!call.outcome && outcome.status === 'not_sent') return refused('invalid_callback');
  if (outcome.status === 'tokens' && !authorization) {
    const idToken = await verifyIdToken(client, ownProperty(call.json, 'id_token'), metadata.value.issuer, signal);
    return { ...outcome, tokens: { ...outcome.tokens, ...(idToken && { idToken }) } };
  }
  return outcome.status === 'in_doubt' ? judgeSuccess(client, call, outcome, signal) : outcome;
}

/** Exchanges a refresh token for a new token set. Ignores an id_token in the reply, because nothing depends on it. */
export async function refreshTokens(
  client: OAuth2Client,
  refreshToken: string,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return notSent(metadata.reason);
  const call = client.call(signal, false, 'id_token', 'refresh');
  return callFor(client, call, metadata.value, async (configuration) =>
    openid.refreshTokenGrant(configuration, refreshToken),
  );
}

/** Requests a token of the application itself (RFC 6749 section 4.4). */
export async function requestApplicationToken(client: OAuth2Client, signal: AbortSignal): Promise<TokenOutcome> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return notSent(metadata.reason);
  const { applicationScopes, scopeSeparator } = client.settings;
  const scope = applicationScopes.join(scopeSeparator);
  return callFor(client, client.call(signal, true, 'id_token', 'application'), metadata.value, async (configuration) =>
    openid.clientCredentialsGrant(configuration, scope === '' ? {} : { scope }),
  );
}

/**
 * Tells the system that a grant has ended, where the system has a way to do so. Never throws.
 * @returns false when this failed and may be tried again later
 */
export async function revokeTokens(
  client: OAuth2Client,
  { refreshToken, accessToken }: { refreshToken: string; accessToken?: string | undefined },
  signal: AbortSignal,
): Promise<boolean> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return false;
  const { revokeAccessToken } = client.settings;
  if (revokeAccessToken && accessToken !== undefined) {
    const url = new URL(revokeAccessToken.url);
    url.searchParams.set(revokeAccessToken.parameter, accessToken);
    await client.call(signal, true, undefined, 'revocation').ask(url.href, {}, 'PUT');
  }
  if (metadata.value.revocation_endpoint === undefined) return true;
  const call = client.call(signal, true, undefined, 'revocation');
  const configuration = client.configuration(metadata.value, call);
  await openid
    .tokenRevocation(configuration, refreshToken, { token_type_hint: 'refresh_token' })
    .catch(() => undefined);
  const { outcome } = call;
  // A refusal is an answer: another request would get the same one.
  return outcome?.status === 'reply' && outcome.statusCode < 500 && outcome.statusCode !== 429;
}

async function callFor(
  client: OAuth2Client,
  call: IdentityCall,
  server: openid.ServerMetadata,
  grant: Grant,
): Promise<TokenOutcome> {
  const sentAtMs = client.clock.now();
  try {
    const reply = await grant(client.configuration(server, call));
    const idToken = (reply as Partial<openid.TokenEndpointResponseHelpers>).claims?.();
    return readTokens(reply, { sentAtMs, scopeSeparator: client.settings.scopeSeparator, idToken });
  } catch {
    // The library's errors contain bodies and tokens, so the failure is read from the HTTP outcome.
    return readTokenFailure(call) ?? { status: 'in_doubt', reason: 'invalid_response' };
  }
}

/** Judges a reply with tokens that failed the checks: a missing id_token, or one of another flow. Revokes its grant. */
async function judgeSuccess(
  client: OAuth2Client,
  call: IdentityCall,
  outcome: NoTokens,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const { json } = call;
  if (call.statusCode !== 200 || typeof ownProperty(json, 'access_token') !== 'string') return outcome;
  const refreshToken = ownProperty(json, 'refresh_token');
  if (typeof refreshToken === 'string') await revokeTokens(client, { refreshToken }, signal);
  return refused('invalid_id_token');
}

/**
 * The key set to verify the id_token in this reply with. Reduced to the key that signed it, because the library does
 * not accept a set with several matching keys; complete when no key signed it, so that the library refuses.
 */
async function keysFor(client: OAuth2Client, call: IdentityCall, signal: AbortSignal): Promise<Loading<JSONWebKeySet>> {
  const idToken = String(ownProperty(call.json, 'id_token'));
  const header = decodeProtectedHeader(idToken) as JWSHeaderParameters;
  // When the header names a key, other keys cannot verify the signature.
  const trial = async (keys: readonly CryptoKey[]) =>
    (await signerOf(idToken, keys)) ?? (header.kid === undefined ? undefined : 'no signer');
  const search = await client.keys.findAll('reply', header, signal, trial);
  if (search.status === 'unknown' && search.reason !== 'unknown_key') return { ...search, status: 'failed' };
  if (search.status !== 'found' || search.value === 'no signer') return client.keys.all(signal);
  const { kty, ...parameters } = await exportJWK(search.value);
  const key = { ...parameters, kty: kty as string, ...(header.kid !== undefined && { kid: header.kid }) };
  return { status: 'loaded', value: { keys: [key] } };
}

async function signerOf(idToken: string, keys: readonly CryptoKey[]): Promise<CryptoKey | undefined> {
  for (const key of keys) {
    const isSigner = await compactVerify(idToken, key).then(
      () => true,
      () => false,
    );
    if (isSigner) return key;
  }
  return undefined;
}

function stateAndScope({ settings }: OAuth2Client, request?: AuthorizationCallback): Record<string, string> {
  const scope = (request?.scopes ?? settings.scopes).join(settings.scopeSeparator);
  return { ...(request && { state: request.state }), ...(scope !== '' && { scope }) };
}

function notSent(reason: UnknownReason): NoTokens {
  return { status: 'not_sent', reason };
}

function refused(code: string): NoTokens {
  return { status: 'refused', code, isFinal: true };
}
