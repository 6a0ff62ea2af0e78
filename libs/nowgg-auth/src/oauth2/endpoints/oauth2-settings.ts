import type { ServerMetadata } from 'openid-client';

/** The resolved options of one client, with a value for every option. Frozen. Excludes the verification method. */
export interface OAuth2Settings {
  readonly name: string;
  readonly issuer: string;
  /** Undefined when it comes from discovery. */
  readonly metadata: ServerMetadata | undefined;
  readonly allowInsecure: boolean;
  readonly clientId: string;
  readonly clientSecret: string | undefined;
  readonly clientAuthentication: 'basic' | 'post' | 'none' | 'client_secret_jwt' | 'private_key_jwt';
  /** Only for `private_key_jwt`. */
  readonly clientPrivateKey: ClientPrivateKey | undefined;
  readonly scopes: readonly string[];
  readonly applicationScopes: readonly string[];
  readonly scopeSeparator: ' ' | ',';
  readonly redirectUri: string | undefined;
  readonly acceptCodesAtLogin: boolean;
  readonly postLogoutRedirectUri: string | undefined;
  /** Whether the identity system may report sign-outs by logout tokens. */
  readonly backchannelLogout: boolean;
  readonly authorizationParameters: Readonly<Record<string, string>>;
  /** Whether the authorization request is pushed; undefined: where the metadata requires it. */
  readonly pushedAuthorizationRequests: boolean | undefined;
  readonly refresh: 'required' | 'optional';
  readonly tokenParameters: Readonly<Record<string, string>>;
  readonly applicationParameters: Readonly<Record<string, string>>;
  readonly idTokenAlgorithm: string;
  readonly keysMaxStaleMs: number;
  /** Hosts, in addition to the issuer's, that discovered endpoints may send credentials to, written as `URL.host`. */
  readonly endpointHosts: readonly string[];
  /** Whether a secret, a code or a token is ever sent: false only for a client that only verifies JWTs. */
  readonly sendsCredentials: boolean;
  readonly sendsStateAndScopeWithCode: boolean;
  readonly revokeAccessToken: AccessTokenRevocation | undefined;
}

/** The key of a client that authenticates by signed assertions. */
export interface ClientPrivateKey {
  /** PKCS#8 in PEM. */
  readonly key: string;
  readonly keyId: string | undefined;
  readonly algorithm: string;
}

/** Revocation by `PUT` to this address, with the access token in this query parameter. */
export interface AccessTokenRevocation {
  readonly url: string;
  readonly parameter: string;
}
