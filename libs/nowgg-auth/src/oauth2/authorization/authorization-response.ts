import type { CodeExchangeOptions } from '../../tokens/exchange/code-exchange.js';
import { readScopes } from '../../identity/scopes.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { MISCONFIGURATIONS } from '../endpoints/misconfiguration.js';
import type { OAuth2Settings } from '../endpoints/oauth2-settings.js';
import { METADATA_TIMEOUT_MS, systemUnavailable, withoutMetadata } from './authorization-endpoints.js';
import { AuthorizationRefusedError, foreignCallback, publishForeignCallback } from './authorization-errors.js';
import type { PendingSignIn } from './pending-sign-in.js';

/** The code of an authorization response and the values to check its exchange with. */
interface AuthorizationResponse {
  readonly code: string;
  readonly options: CodeExchangeOptions;
  readonly redirectScopes: RedirectScopes | undefined;
}

/** The scopes in the redirect of a sign-in, compared with the requested ones. Frozen. */
export interface RedirectScopes {
  /** The scopes that the redirect names. */
  readonly granted: readonly string[];
  /** Requested and not granted, for example because the player has declined them. */
  readonly withheld: readonly string[];
  /** Granted and not requested. */
  readonly added: readonly string[];
}

/** Errors about the request that this module built, not about the player (RFC 6749 section 4.1.2.1). */
const ABOUT_REQUEST = new Set([
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'unsupported_response_type',
]);
const LONGEST_QUERY = 8_192;
/** Scope tokens of RFC 6749 section 3.3 and the spaces between them; a comma may be in a token or between two. */
const SCOPES = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

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
  { codeVerifier, nonce, scopes, challenge }: PendingSignIn,
): Promise<AuthorizationResponse> {
  const { name: provider, redirectUri } = client.settings;
  const error = parameters.get('error');
  if (error !== null) throw await refusalOf(client, parameters, error);
  const code = only(parameters, 'code');
  if (code === undefined) throw foreignCallback();
  const redirectScopes = compareScopes(client.settings, parameters, scopes);
  const authorization = {
    parameters: parameters.toString(),
    state,
    ...(nonce !== undefined && { nonce }),
    ...(scopes && { scopes }),
    ...(challenge !== undefined && { isHandedOver: true }),
  };
  const requested = { scopes: scopes ?? client.settings.scopes };
  const sent = { codeVerifier, ...(redirectUri !== undefined && { redirectUri }) };
  const options = { provider, ...sent, authorization, ...requested };
  return { code, options, redirectScopes };
}

/** @throws InvalidRequestError when the redirect has several lists of scopes, or something that is not one */
function compareScopes(
  settings: OAuth2Settings,
  parameters: URLSearchParams,
  requested: readonly string[] = settings.scopes,
): RedirectScopes | undefined {
  const text = only(parameters, 'scope');
  if (text === undefined) return undefined;
  if (!SCOPES.test(text)) throw foreignCallback();
  const granted = readScopes(text, settings.scopeSeparator);
  const without = (all: readonly string[], some: readonly string[]) =>
    Object.freeze(all.filter((scope) => !some.includes(scope)));
  return Object.freeze({ granted, withheld: without(requested, granted), added: without(granted, requested) });
}

/** Trusts an error only from the issuer itself, where the response names its issuer. */
async function refusalOf(client: OAuth2Client, parameters: URLSearchParams, error: string): Promise<Error> {
  const metadata = await client.metadata(AbortSignal.timeout(METADATA_TIMEOUT_MS));
  if (metadata.status === 'failed') return withoutMetadata(client, metadata);
  const { issuer, authorization_response_iss_parameter_supported: promised } = metadata.value;
  const iss = only(parameters, 'iss');
  if (iss === undefined ? promised === true : iss !== issuer) {
    publishForeignCallback(client.settings.name);
    return foreignCallback();
  }
  const isTheirs = error === 'temporarily_unavailable' || error === 'server_error';
  if (isTheirs) return systemUnavailable(undefined);
  if (ABOUT_REQUEST.has(error)) client.reportMisconfiguration(MISCONFIGURATIONS.authorizationRequest);
  return new AuthorizationRefusedError(error);
}
