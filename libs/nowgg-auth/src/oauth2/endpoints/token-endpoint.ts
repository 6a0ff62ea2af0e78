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
import type { CodeExchangeRequest, TokenOutcome } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import type { IdentityCall } from './identity-call.js';
import type { Loading } from './cached-document.js';
import type { OAuth2Client } from './oauth2-client.js';
import { readTokenFailure, readTokens } from './token-reply.js';

type NoTokens = Exclude<TokenOutcome, { status: 'tokens' }>;

/** A checked reply, and what becomes of it. */
type Grant = (configuration: openid.Configuration) => Promise<openid.TokenEndpointResponse>;

/**
 * Turns a code into a token set. A code that comes from the authorization flow is taken only with everything that
 * belongs to it: state, issuer, verifier, and an id_token that is signed by the issuer, for us, with the flow's nonce.
 */
export async function exchangeCode(client: OAuth2Client, request: CodeExchangeRequest): Promise<TokenOutcome> {
  const { settings } = client;
  const { authorization, codeVerifier, signal } = request;
  const redirectUri = request.redirectUri ?? settings.redirectUri;
  if (redirectUri === undefined) throw new NowggConfigurationError('redirectUri is needed to exchange a code');
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return notSent(metadata.reason);
  if (authorization?.nonce !== undefined) {
    // Before the code is used up: without keys nobody could say whether its id_token is good.
    const keys = await client.keys.all(signal);
    if (keys.status === 'failed') return notSent(keys.reason);
  }
  const call = client.call(signal, false, authorization ? undefined : 'id_token', 'code');
  const checks: openid.AuthorizationCodeGrantChecks = {
    ...(codeVerifier !== undefined && { pkceCodeVerifier: codeVerifier }),
    ...(authorization && { expectedState: authorization.state }),
    // With it an id_token is demanded.
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
    : // Nothing of the authorization response is at hand, so what it promises cannot be asked for.
      { ...metadata.value, authorization_response_iss_parameter_supported: false };
  const extra = settings.sendsStateAndScopeWithCode ? stateAndScope(client, authorization?.state) : {};
  const outcome = await callFor(client, call, server, async (configuration) => {
    openid.enableNonRepudiationChecks(configuration);
    return openid.authorizationCodeGrant(configuration, url, checks, extra);
  });
  if (keysFailure !== undefined) return { status: 'in_doubt', reason: keysFailure };
  // Nothing was sent: what came back to us is not what we sent the browser for.
  if (!call.outcome && outcome.status === 'not_sent') return refused('invalid_callback');
  return outcome.status === 'in_doubt' ? judgeSuccess(client, call, outcome, signal) : outcome;
}

/** Turns a refresh token into a new token set. An id_token in the reply is not looked at: nothing here depends on it. */
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

/** A token of the application itself (RFC 6749 section 4.4). */
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
 * Tells the system that a grant is over, where it has a way to be told. Never throws.
 * @returns false when it could not be told now and may be told later
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
  // A refusal is an answer: asking again would bring the same one.
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
    const { sub } = (reply as Partial<openid.TokenEndpointResponseHelpers>).claims?.() ?? {};
    return readTokens(reply, sentAtMs, sub);
  } catch {
    // The library's errors carry bodies and tokens: what they are about is read from the wire.
    return readTokenFailure(call) ?? { status: 'in_doubt', reason: 'invalid_response' };
  }
}

/** A reply with tokens that did not pass: its id_token is missing or not for this flow. Then its grant is unwanted. */
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
 * The key set to verify the id_token in this reply with. Reduced to the key that signed it, because the library takes no
 * set in which several keys fit; whole when none did, so that the library refuses.
 */
async function keysFor(client: OAuth2Client, call: IdentityCall, signal: AbortSignal): Promise<Loading<JSONWebKeySet>> {
  const idToken = String(ownProperty(call.json, 'id_token'));
  const header = decodeProtectedHeader(idToken) as JWSHeaderParameters;
  // A signature under a key that is named is not mended by other keys.
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

function stateAndScope({ settings }: OAuth2Client, state: string | undefined): Record<string, string> {
  const scope = settings.scopes.join(settings.scopeSeparator);
  return { ...(state !== undefined && { state }), ...(scope !== '' && { scope }) };
}

function notSent(reason: UnknownReason): NoTokens {
  return { status: 'not_sent', reason };
}

function refused(code: string): NoTokens {
  return { status: 'refused', code, isFinal: true };
}
