import type { ServerMetadata } from 'openid-client';
import { NowggConfigurationError } from '../../errors.js';
import { oauth2OptionFaults } from '../options/oauth2-option-faults.js';
import type { OAuth2Endpoints, OAuth2ProviderOptions, VerificationChoice } from '../options/oauth2-options.js';
import { isVerificationMethod } from '../verification/verification-method.js';

/** {@link OAuth2ProviderOptions} with every value: what the rest of the code reads. Frozen. */
export interface OAuth2Settings {
  readonly name: string;
  readonly issuer: string;
  /** Undefined when it is to be discovered. */
  readonly metadata: ServerMetadata | undefined;
  readonly allowInsecure: boolean;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: 'basic' | 'post' | 'none';
  readonly verification: VerificationChoice;
  readonly scopes: readonly string[];
  readonly applicationScopes: readonly string[];
  readonly scopeSeparator: ' ' | ',';
  readonly redirectUri: string | undefined;
  readonly acceptCodesAtLogin: boolean;
  readonly postLogoutRedirectUri: string | undefined;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  readonly idTokenAlgorithm: string;
  readonly keysMaxStaleMs: number;
  /** Hosts beside the issuer's to which discovered endpoints may send credentials, as `URL.host` writes them. */
  readonly endpointHosts: readonly string[];
  /** Whether a secret, a code or a token is ever sent: false only where JWTs are verified and nothing else. */
  readonly sendsCredentials: boolean;
  readonly sendsStateAndScopeWithCode: boolean;
  readonly revokeAccessToken: AccessTokenRevocation | undefined;
}

/** `PUT` at this address, with an access token in this parameter of its query, revokes the token. */
export interface AccessTokenRevocation {
  readonly url: string;
  readonly parameter: string;
}

/** Peculiarities of a system that only its preset knows. */
export interface SystemPeculiarities {
  /** The token endpoint wants `state` and `scope` of the authorization request again. */
  readonly sendsStateAndScopeWithCode?: boolean;
  readonly revokeAccessToken?: AccessTokenRevocation | undefined;
}

const DEFAULT_KEYS_MAX_STALE_MS = 86_400_000;

/** Validates the options and fills in what is absent. @throws NowggConfigurationError with every fault at once */
export function resolveOAuth2Options(
  options: OAuth2ProviderOptions,
  made: string,
  peculiarities: SystemPeculiarities = {},
): OAuth2Settings {
  const faults = oauth2OptionFaults(options);
  if (faults.length > 0) throw new NowggConfigurationError(`${made}(): ${faults.join('; ')}`);
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
    clientAuthentication: options.clientAuthentication ?? (options.clientSecret === undefined ? 'none' : 'basic'),
    verification: options.verification,
    scopes: Object.freeze([...scopes]),
    applicationScopes: Object.freeze([...(options.applicationScopes ?? [])]),
    scopeSeparator: options.scopeSeparator ?? ' ',
    redirectUri: options.redirectUri,
    acceptCodesAtLogin: options.acceptCodesAtLogin ?? false,
    postLogoutRedirectUri: options.postLogoutRedirectUri,
    authorizationParameters: Object.freeze({ ...options.authorizationParameters }),
    idTokenAlgorithm: options.idTokenAlgorithm ?? 'RS256',
    endpointHosts: Object.freeze([...(options.endpointHosts ?? [])]),
    sendsCredentials: sendsCredentials(options),
    keysMaxStaleMs: options.keysMaxStaleMs ?? DEFAULT_KEYS_MAX_STALE_MS,
    sendsStateAndScopeWithCode: peculiarities.sendsStateAndScopeWithCode ?? false,
    revokeAccessToken: peculiarities.revokeAccessToken,
  });
}

function sendsCredentials({ clientSecret, redirectUri, verification }: OAuth2ProviderOptions): boolean {
  const isLocal = isVerificationMethod(verification) && verification.local;
  return clientSecret !== undefined || redirectUri !== undefined || !isLocal;
}

/** The first endpoint that is there; the faults made sure of one. */
function issuerlessAddress(endpoints: OAuth2Endpoints | undefined): string {
  return Object.values(endpoints ?? {}).find((url) => url !== undefined) as string;
}

function metadataOf(issuer: string, endpoints: OAuth2Endpoints, issuerParameter: boolean): ServerMetadata {
  const named = {
    authorization_endpoint: endpoints.authorization,
    token_endpoint: endpoints.token,
    userinfo_endpoint: endpoints.userinfo,
    jwks_uri: endpoints.jwks,
    introspection_endpoint: endpoints.introspection,
    revocation_endpoint: endpoints.revocation,
    end_session_endpoint: endpoints.endSession,
  };
  const present = Object.fromEntries(Object.entries(named).filter(([, url]) => url !== undefined));
  return { issuer, ...present, authorization_response_iss_parameter_supported: issuerParameter };
}
