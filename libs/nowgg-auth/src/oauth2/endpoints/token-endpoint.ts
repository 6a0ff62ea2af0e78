import {
  compactVerify,
  type CryptoKey,
  decodeProtectedHeader,
  exportJWK,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  type ProtectedHeaderParameters,
} from 'jose';
import * as openid from 'openid-client';
import { NowggConfigurationError } from '../../errors.js';
import { ownProperty, readAudience } from '../../identity/claims.js';
import type { AuthorizationCallback, CodeExchangeRequest, TokenOutcome } from '../../identity/identity-provider.js';
import type { UnknownReason } from '../../identity/reasons.js';
import { verifyIdToken } from './id-token.js';
import { decodeUnverifiedJws } from '../../identity/unverified-jws.js';
import { isSameIssuer } from '../../identity/urls.js';
import type { IdentityCall, RewriteBody } from './identity-call.js';
import type { Loading } from './cached-document.js';
import type { OAuth2Client } from './oauth2-client.js';
import { MISCONFIGURATIONS } from './misconfiguration.js';
import { tokenBody } from './token-body.js';
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
  if (metadata.status === 'failed') return withoutMetadata(client, metadata.reason);
  if (authorization?.nonce !== undefined) {
    // Before the code is used up, because its id_token cannot be verified without keys.
    const keys = await client.keys.all(signal);
    if (keys.status === 'failed') return notSent(keys.reason);
  }
  const call = client.call(signal, false, bodyFor(client, authorization === undefined), 'code');
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
  const stateAndScope = settings.sendsStateAndScopeWithCode ? stateAndScopeOf(client, authorization) : {};
  const extra = { ...settings.tokenParameters, ...stateAndScope };
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
  if (outcome.status === 'refused' && wantsProof(call)) {
    return reported(client, { status: 'misconfigured', detail: MISCONFIGURATIONS.boundTokens });
  }
  if (authorization) client.noteCode(outcome.status);
  return outcome.status === 'in_doubt' ? judgeSuccess(client, call, outcome, signal) : outcome;
}

/**
 * Exchanges a refresh token for a new token set. An id_token in the reply is not verified, because it came directly from
 * the identity system, and a faulty one has no effect: the new refresh token must not be lost. One that names the user
 * of this client is reported as the subject.
 */
export async function refreshTokens(
  client: OAuth2Client,
  refreshToken: string,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return withoutMetadata(client, metadata.reason);
  const call = client.call(signal, false, bodyFor(client, true), 'refresh');
  const outcome = await callFor(client, call, metadata.value, async (configuration) =>
    openid.refreshTokenGrant(configuration, refreshToken, { ...client.settings.tokenParameters }),
  );
  const subject = outcome.status === 'tokens' ? subjectOf(client, ownProperty(call.json, 'id_token')) : undefined;
  if (outcome.status !== 'tokens' || subject === undefined) return outcome;
  return { ...outcome, tokens: { ...outcome.tokens, subject } };
}

/** Requests a token of the application itself (RFC 6749 section 4.4). */
export async function requestApplicationToken(client: OAuth2Client, signal: AbortSignal): Promise<TokenOutcome> {
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') return withoutMetadata(client, metadata.reason);
  const { applicationParameters, applicationScopes, scopeSeparator } = client.settings;
  const scope = applicationScopes.join(scopeSeparator);
  const call = client.call(signal, true, bodyFor(client, true), 'application');
  return callFor(client, call, metadata.value, async (configuration) =>
    openid.clientCredentialsGrant(configuration, { ...applicationParameters, ...(scope !== '' && { scope }) }),
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
  // A grant without a refresh token has only its access token.
  const [token, hint] = refreshToken === '' ? [accessToken, 'access_token'] : [refreshToken, 'refresh_token'];
  if (metadata.value.revocation_endpoint === undefined || token === undefined) return true;
  const call = client.call(signal, true, undefined, 'revocation');
  const configuration = client.configuration(metadata.value, call);
  await openid.tokenRevocation(configuration, token, { token_type_hint: hint }).catch(() => undefined);
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
    return reported(client, readTokenFailure(call) ?? { status: 'in_doubt', reason: 'invalid_response' });
  }
}

/** Judges a reply with tokens that failed the checks: a missing id_token, or one of another flow. Ends its grant. */
async function judgeSuccess(
  client: OAuth2Client,
  call: IdentityCall,
  outcome: NoTokens,
  signal: AbortSignal,
): Promise<TokenOutcome> {
  const { json } = call;
  const isSuccess = call.statusCode === 200 || call.statusCode === 201;
  if (!isSuccess || typeof ownProperty(json, 'access_token') !== 'string') return outcome;
  const refreshToken = ownProperty(json, 'refresh_token');
  if (typeof refreshToken === 'string') await revokeTokens(client, { refreshToken }, signal);
  const fault = faultOf(client, json);
  return fault === undefined
    ? refused('invalid_id_token')
    : reported(client, { status: 'misconfigured', detail: MISCONFIGURATIONS[fault] });
}

/** The option that does not fit a reply with tokens; undefined when none explains why it failed the checks. */
function faultOf({ settings }: OAuth2Client, reply: unknown): keyof typeof MISCONFIGURATIONS | undefined {
  const [type, idToken] = [ownProperty(reply, 'token_type'), ownProperty(reply, 'id_token')];
  if (typeof type === 'string' && type.toLowerCase() === 'dpop') return 'boundTokens';
  if (typeof idToken !== 'string') return undefined;
  const { alg, enc } = headerOf(idToken);
  if (enc !== undefined) return 'idTokenEncrypted';
  const isOther = typeof alg === 'string' && SIGNATURE.test(alg) && alg !== settings.idTokenAlgorithm;
  return isOther ? 'idTokenAlgorithm' : undefined;
}

/** Whether a refusal names a proof of possession, for which some identity systems have no code of its own. */
function wantsProof({ json }: IdentityCall): boolean {
  const description = ownProperty(json, 'error_description');
  return typeof description === 'string' && /dpop|mutual.tls/i.test(description.slice(0, 200));
}

function headerOf(token: string): ProtectedHeaderParameters {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return {};
  }
}

/** A signature algorithm that an identity system may be configured for. `none` is not one of them. */
const SIGNATURE = /^(?:(?:RS|PS|ES|HS)(?:256|384|512)|EdDSA|Ed25519)$/;

function reported(client: OAuth2Client, outcome: NoTokens): NoTokens {
  if (outcome.status === 'client_refused') client.reportMisconfiguration(MISCONFIGURATIONS.client);
  if (outcome.status === 'misconfigured') client.reportMisconfiguration(outcome.detail);
  return outcome;
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

function bodyFor({ settings }: OAuth2Client, ignoresIdToken: boolean): RewriteBody {
  return tokenBody({ scopeSeparator: settings.scopeSeparator, ignoresIdToken });
}

/** The `sub` of an unverified id_token of this issuer for this client; undefined for any other text. */
function subjectOf({ settings }: OAuth2Client, idToken: unknown): string | undefined {
  const claims = typeof idToken === 'string' ? decodeUnverifiedJws(idToken)?.claims : undefined;
  if (!claims || typeof claims.iss !== 'string' || typeof claims.sub !== 'string') return undefined;
  const isOurs = isSameIssuer(claims.iss, settings.issuer) && readAudience(claims.aud)?.includes(settings.clientId);
  return isOurs === true ? claims.sub : undefined;
}

function stateAndScopeOf({ settings }: OAuth2Client, request?: AuthorizationCallback): Record<string, string> {
  const scope = (request?.scopes ?? settings.scopes).join(settings.scopeSeparator);
  return { ...(request && { state: request.state }), ...(scope !== '' && { scope }) };
}

function withoutMetadata(client: OAuth2Client, reason: UnknownReason): NoTokens {
  return reason === 'misconfigured' ? { status: reason, detail: client.misconfiguration } : notSent(reason);
}

function notSent(reason: UnknownReason): NoTokens {
  return { status: 'not_sent', reason };
}

function refused(code: string): NoTokens {
  return { status: 'refused', code, isFinal: true };
}
