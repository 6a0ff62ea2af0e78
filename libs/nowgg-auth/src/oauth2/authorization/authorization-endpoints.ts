import * as openid from 'openid-client';
import { IdentityUnavailableError } from '../../errors.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { isSecureUrl } from '../../identity/urls.js';

export const METADATA_TIMEOUT_MS = 5_000;

/**
 * Address of an endpoint for browsers, with these parameters; undefined when the system has none.
 *
 * @throws IdentityUnavailableError when the system's metadata is not available, or names an address that is not safe
 */
export async function buildUrl(
  client: OAuth2Client,
  endpoint: 'authorization_endpoint' | 'end_session_endpoint',
  parameters: Record<string, string>,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(METADATA_TIMEOUT_MS);
  const metadata = await client.metadata(signal);
  if (metadata.status === 'failed') throw systemUnavailable(metadata.retryAfterMs);
  const address = metadata.value[endpoint];
  if (address === undefined) return undefined;
  if (!isSecureUrl(address, client.settings.allowInsecure)) throw systemUnavailable(undefined);
  const configuration = client.configuration(metadata.value, client.call(signal, true));
  const build = endpoint === 'authorization_endpoint' ? openid.buildAuthorizationUrl : openid.buildEndSessionUrl;
  return build(configuration, parameters).href;
}

export function systemUnavailable(retryAfterMs: number | undefined): IdentityUnavailableError {
  return new IdentityUnavailableError((retryAfterMs ?? 0) / 1000);
}
