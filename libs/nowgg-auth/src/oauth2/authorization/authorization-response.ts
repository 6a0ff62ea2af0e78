import type { CodeExchangeOptions } from '../../tokens/exchange/code-exchange.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { METADATA_TIMEOUT_MS, systemUnavailable } from './authorization-endpoints.js';
import { AuthorizationRefusedError, foreignCallback, publishForeignCallback } from './authorization-errors.js';
import type { PendingSignIn } from './pending-sign-in.js';

/** The code of an authorization response and the values to check its exchange with. */
interface AuthorizationResponse {
  readonly code: string;
  readonly options: CodeExchangeOptions;
}

const LONGEST_QUERY = 8_192;

/** The query of an address. @throws InvalidRequestError when it is longer than any identity system sends */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?');
  const query = start < 0 ? '' : (url.slice(start + 1).split('#', 1)[0] ?? '');
  if (query.length > LONGEST_QUERY) throw foreignCallback();
  return new URLSearchParams(query);
}

/** The value of a parameter; undefined when absent. @throws InvalidRequestError when it occurs more than once */
export function only(parameters: URLSearchParams, name: string): string | undefined {
  const values = parameters.getAll(name);
  if (values.length > 1) throw foreignCallback();
  return values[0];
}

/**
 * Reads the authorization response of the identity system.
 *
 * @throws AuthorizationRefusedError, InvalidRequestError, IdentityUnavailableError
 */
export async function readAuthorization(
  client: OAuth2Client,
  parameters: URLSearchParams,
  state: string,
  { codeVerifier, nonce }: PendingSignIn,
): Promise<AuthorizationResponse> {
  const { name: provider, redirectUri } = client.settings;
  const error = parameters.get('error');
  if (error !== null) throw await refusalOf(client, parameters, error);
  const code = only(parameters, 'code');
  if (code === undefined) throw foreignCallback();
  const authorization = { parameters: parameters.toString(), state, ...(nonce !== undefined && { nonce }) };
  const options = { provider, codeVerifier, authorization, ...(redirectUri !== undefined && { redirectUri }) };
  return { code, options };
}

/** Trusts an error only from the issuer itself, where the response names its issuer. */
async function refusalOf(client: OAuth2Client, parameters: URLSearchParams, error: string): Promise<Error> {
  const metadata = await client.metadata(AbortSignal.timeout(METADATA_TIMEOUT_MS));
  if (metadata.status === 'failed') return systemUnavailable(metadata.retryAfterMs);
  const { issuer, authorization_response_iss_parameter_supported: promised } = metadata.value;
  const iss = only(parameters, 'iss');
  if (iss === undefined ? promised === true : iss !== issuer) {
    publishForeignCallback(client.settings.name);
    return foreignCallback();
  }
  const isTheirs = error === 'temporarily_unavailable' || error === 'server_error';
  return isTheirs ? systemUnavailable(undefined) : new AuthorizationRefusedError(error);
}
