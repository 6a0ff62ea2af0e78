import type { ServerMetadata } from 'openid-client';

/** The resolved options of one client, with a value for every option. Frozen. How tokens are verified is apart. */
export interface OAuth2Settings {
  readonly name: string;
  readonly issuer: string;
  /** Undefined when it is to be discovered. */
  readonly metadata: ServerMetadata | undefined;
  readonly allowInsecure: boolean;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: 'basic' | 'post' | 'none';
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
