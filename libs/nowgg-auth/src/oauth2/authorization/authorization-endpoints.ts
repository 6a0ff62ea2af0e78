import * as openid from 'openid-client';
import { IdentityUnavailableError, type NowggAuthError, NowggConfigurationError } from '../../errors.js';
import type { Loading } from '../endpoints/cached-document.js';
import { ownProperty } from '../../identity/claims.js';
import { pushesRequests } from '../endpoints/discovered-endpoints.js';
import type { IdentityCall } from '../endpoints/identity-call.js';
import { MISCONFIGURATIONS } from '../endpoints/misconfiguration.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { isSecureUrl } from '../../identity/urls.js';

export const METADATA_TIMEOUT_MS = 5_000;

/**
 * Address of an endpoint for browsers, with these parameters; undefined when the system has none.
 *
 * @throws IdentityUnavailableError when the system's metadata is not available, or names an address that is not safe
 * @throws NowggConfigurationError when the metadata contradicts the options
 */
export async function buildUrl(
  client: OAuth2Client,
  endpoint: 'authorization_endpoint' | 'end_session_endpoint',
  parameters: Record<string, string>,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(METADATA_TIMEOUT_MS);
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') throw withoutMetadata(client, metadata);
  if (endpoint === 'authorization_endpoint' && client.signInFault !== undefined) {
    throw misconfigured(client, client.signInFault);
  }
  const address = metadata.value[endpoint];
  if (address === undefined) return undefined;
  if (!isSecureUrl(address, client.settings.allowInsecure)) throw systemUnavailable(undefined);
  const call = client.call(signal, true);
  const configuration = client.configuration(metadata.value, call);
  const { pushedAuthorizationRequests } = client.settings;
  if (endpoint === 'authorization_endpoint' && pushesRequests(metadata.value, pushedAuthorizationRequests)) {
    if (metadata.value.pushed_authorization_request_endpoint === undefined) {
      throw misconfigured(client, MISCONFIGURATIONS.noPushEndpoint);
    }
    return pushedUrl(client, configuration, call, parameters);
  }
  const build = endpoint === 'authorization_endpoint' ? openid.buildAuthorizationUrl : openid.buildEndSessionUrl;
  return build(configuration, parameters).href;
}

/** Sends the parameters to the identity system; the browser gets a reference to them. */
async function pushedUrl(
  client: OAuth2Client,
  configuration: openid.Configuration,
  call: IdentityCall,
  parameters: Record<string, string>,
): Promise<string> {
  try {
    return (await openid.buildAuthorizationUrlWithPAR(configuration, parameters)).href;
  } catch {
    // The library's error contains the reply, so the failure is read from the HTTP outcome.
    const failure = call.failure();
    if (failure) throw systemUnavailable(failure.retryAfterMs);
    if (call.statusCode === 401) throw misconfigured(client, MISCONFIGURATIONS.client);
    const isRefusal = (call.statusCode ?? 0) >= 400 && typeof ownProperty(call.json, 'error') === 'string';
    throw isRefusal ? misconfigured(client, MISCONFIGURATIONS.authorizationRequest) : systemUnavailable(undefined);
  }
}

function misconfigured(client: OAuth2Client, detail: string): NowggConfigurationError {
  client.reportMisconfiguration(detail);
  return new NowggConfigurationError(`identity provider: ${detail}`);
}

/** The error for metadata that is not available. */
export function withoutMetadata(
  client: OAuth2Client,
  { reason, retryAfterMs }: Extract<Loading<unknown>, { status: 'failed' }>,
): NowggAuthError {
  return reason === 'misconfigured'
    ? new NowggConfigurationError(`identity provider: ${client.misconfiguration}`)
    : systemUnavailable(retryAfterMs);
}

export function systemUnavailable(retryAfterMs: number | undefined): IdentityUnavailableError {
  return new IdentityUnavailableError((retryAfterMs ?? 0) / 1000);
}
