import type { ServerMetadata } from 'openid-client';
import type { AccessTokenRevocation, ClientPrivateKey, OAuth2Settings } from '../endpoints/oauth2-settings.js';
import type { RefreshTokenIdle } from '../../identity/identity-provider.js';
import type { ForwardedIdentities } from '../../identity/forwarding/forwarded-identity.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { isVerificationMethod } from '../verification/verification-method.js';
import { refuse, withoutAbsent } from '../../rules.js';
import { DEFAULT_ASSERTION_ALGORITHM, METADATA_NAMES, oauth2OptionFaults } from './oauth2-option-faults.js';
import type { OAuth2Endpoints, OAuth2ProviderOptions } from './oauth2-options.js';

/** Non-standard behaviour of a system, known to its preset. */
export interface ProviderQuirks {
  /** Whether the token endpoint requires `state` and `scope` of the authorization request again. */
  readonly sendsStateAndScopeWithCode?: boolean;
  readonly revokeAccessToken?: AccessTokenRevocation | undefined;
  /** How long the system keeps a refresh token that is not used. */
  readonly refreshTokenIdle?: RefreshTokenIdle;
  /** Reads identities that a proxy forwards. */
  readonly forwarding?: (client: OAuth2Client) => ForwardedIdentities;
}

const DEFAULT_KEYS_MAX_STALE_MS = 86_400_000;

/**
 * Validates the options and adds the defaults.
 *
 * @param presetFaults faults of options that only the preset has, to be reported together with the rest
 * @throws NowggConfigurationError with every fault at once
 */
export function resolveOAuth2Options(
  options: OAuth2ProviderOptions,
  factoryName: string,
  quirks: ProviderQuirks = {},
  presetFaults: readonly string[] = [],
): OAuth2Settings {
  refuse([...presetFaults, ...oauth2OptionFaults(options)], `${factoryName}(): `);
  const { endpoints } = options;
  const issuer = options.issuer ?? new URL((endpoints as OAuth2Endpoints).token ?? issuerlessAddress(endpoints)).origin;
  const scopes = options.scopes ?? ['openid', 'offline_access'];
  return Object.freeze<OAuth2Settings>({
    name: options.name,
    issuer,
    metadata: endpoints && Object.freeze(metadataOf(issuer, endpoints, options.issuerParameter ?? false)),
    allowInsecure: options.allowInsecure ?? false,
    clientId: options.clientId,
    clientSecret: options.clientSecret,
    clientAuthentication: options.clientAuthentication ?? defaultAuthentication(options),
    clientPrivateKey: privateKeyOf(options),
    scopes: Object.freeze([...scopes]),
    applicationScopes: Object.freeze([...(options.applicationScopes ?? [])]),
    scopeSeparator: options.scopeSeparator ?? ' ',
    redirectUri: options.redirectUri,
    acceptCodesAtLogin: options.acceptCodesAtLogin ?? false,
    postLogoutRedirectUri: options.postLogoutRedirectUri,
    backchannelLogout: options.backchannelLogout ?? false,
    authorizationParameters: Object.freeze({ ...options.authorizationParameters }),
    pushedAuthorizationRequests: options.pushedAuthorizationRequests,
    refresh: options.refresh ?? 'required',
    tokenParameters: Object.freeze({ ...options.tokenParameters }),
    applicationParameters: Object.freeze({ ...options.applicationParameters }),
    idTokenAlgorithm: options.idTokenAlgorithm ?? 'RS256',
    endpointHosts: Object.freeze([...(options.endpointHosts ?? [])]),
    sendsCredentials: sendsCredentials(options),
    keysMaxStaleMs: options.keysMaxStaleMs ?? DEFAULT_KEYS_MAX_STALE_MS,
    sendsStateAndScopeWithCode: quirks.sendsStateAndScopeWithCode ?? false,
    revokeAccessToken: quirks.revokeAccessToken,
  });
}

function defaultAuthentication({ clientSecret, clientPrivateKey }: OAuth2ProviderOptions) {
  if (clientSecret !== undefined) return 'basic';
  return clientPrivateKey === undefined ? 'none' : 'private_key_jwt';
}

function privateKeyOf({ clientPrivateKey }: OAuth2ProviderOptions): ClientPrivateKey | undefined {
  if (clientPrivateKey === undefined) return undefined;
  const { key, keyId, algorithm = DEFAULT_ASSERTION_ALGORITHM } = clientPrivateKey;
  return Object.freeze({ key, keyId, algorithm });
}

function sendsCredentials(options: OAuth2ProviderOptions): boolean {
  const { clientSecret, clientPrivateKey, redirectUri, verification } = options;
  const isLocal = isVerificationMethod(verification) && verification.local;
  return clientSecret !== undefined || clientPrivateKey !== undefined || redirectUri !== undefined || !isLocal;
}

/** The first given endpoint; the validation makes sure that there is one. */
function issuerlessAddress(endpoints: OAuth2Endpoints | undefined): string {
  return Object.values(endpoints ?? {}).find((url) => url !== undefined) as string;
}

function metadataOf(issuer: string, endpoints: OAuth2Endpoints, issuerParameter: boolean): ServerMetadata {
  const given = Object.entries(withoutAbsent(endpoints)) as [keyof OAuth2Endpoints, string][];
  const named = Object.fromEntries(given.map(([name, url]) => [METADATA_NAMES[name], url]));
  return { issuer, ...named, authorization_response_iss_parameter_supported: issuerParameter };
}
