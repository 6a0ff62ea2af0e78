import type { VerificationMethod } from '../verification/verification-method.js';

/** Endpoints of a system without a discovery document, or whose document is not used. Absolute URLs. */
export interface OAuth2Endpoints {
  authorization?: string;
  token?: string;
  userinfo?: string;
  /** The public keys (RFC 7517). */
  jwks?: string;
  /** RFC 7662. */
  introspection?: string;
  /** RFC 7009. */
  revocation?: string;
  /** OpenID Connect RP-Initiated Logout 1.0. */
  endSession?: string;
  /** RFC 9126. */
  pushedAuthorization?: string;
}

/** The verification of access tokens: one method for all, or one for JWTs and one for opaque tokens. */
export type VerificationChoice =
  | VerificationMethod
  | { readonly jwt: VerificationMethod; readonly opaque: VerificationMethod };

/** The private key of a client that authenticates by signed assertions (`private_key_jwt`, RFC 7523). */
export interface OAuth2ClientPrivateKey {
  /** The key as PKCS#8 in PEM (`-----BEGIN PRIVATE KEY-----`). RSA keys have at least 2,048 bits. */
  key: string;
  /** The `kid` under which the identity system knows the public key. Default none. */
  keyId?: string;
  /** Signature algorithm of the assertions; must fit the key. Default `RS256`. */
  algorithm?: string;
}

/** Options of every OAuth 2.0 client, for any system. */
export interface OAuth2ClientOptions {
  /** Name of this provider in the module: part of every principal and grant. 1 to 64 characters of `A-Z a-z 0-9 _ -`. */
  name?: string;
  clientId: string;
  clientSecret?: string;
  /**
   * Client authentication at the endpoints of the identity system, as registered there: the secret in the header
   * (`basic`) or in the form (`post`), an assertion signed with the secret (`client_secret_jwt`) or with
   * {@link clientPrivateKey} (`private_key_jwt`), or nothing (`none`). Default `basic` with a secret, `private_key_jwt`
   * with a private key, else `none`.
   */
  clientAuthentication?: 'basic' | 'post' | 'none' | 'client_secret_jwt' | 'private_key_jwt';
  /** The private key of `private_key_jwt`; the identity system has the public key. Default none. */
  clientPrivateKey?: OAuth2ClientPrivateKey;
  /** Redirect URI of the authorization flow, exactly as registered. Needed for that flow only. */
  redirectUri?: string;
  /**
   * Whether `POST login` and `exchangeCode()` accept codes of this provider although it has a {@link redirectUri}.
   * Default false: the callback of the authorization flow accepts them and checks state, nonce and issuer. True is for
   * clients with their own flow. Where the identity system ignores PKCE, true also accepts a code from a sign-in that
   * another browser started.
   */
  acceptCodesAtLogin?: boolean;
  /** Address that the browser returns to after a logout at the identity system, exactly as registered. */
  postLogoutRedirectUri?: string;
  /**
   * Whether the identity system may report sign-outs to `POST :provider/backchannel-logout` of the ready-made routes of
   * `NowggOAuth2Module` (OpenID Connect Back-Channel Logout 1.0). Register that address there as
   * `backchannel_logout_uri`. Default false.
   */
  backchannelLogout?: boolean;
  /** Scopes of a sign-in. Include the one that makes the system issue a refresh token. */
  scopes?: readonly string[];
  /**
   * Whether a sign-in must bring a refresh token. Default `required`: a sign-in without one is an error. `optional`: such
   * a sign-in is accepted, and its grant ends with its access token; `NowggGrant.refreshable` is false then.
   */
  refresh?: 'required' | 'optional';
  /** Scopes of the application's own token (client credentials). Default none. */
  applicationScopes?: readonly string[];
  /** More parameters of the authorization request, such as `prompt` or `ui_locales`. */
  authorizationParameters?: Readonly<Record<string, string>>;
  /**
   * Whether a sign-in sends the parameters of the authorization request to the identity system itself (RFC 9126), so
   * that the browser carries only a reference. Each start of a sign-in is then a request to the identity system. Default:
   * where its metadata requires this. Set true where only the registration of the client requires it.
   */
  pushedAuthorizationRequests?: boolean;
  /**
   * More parameters of the token requests of a sign-in and of a refresh, such as `resource` (RFC 8707) or `audience`.
   * Default none.
   */
  tokenParameters?: Readonly<Record<string, string>>;
  /** More parameters of the request for the application's own token. Default none. */
  applicationParameters?: Readonly<Record<string, string>>;
  /**
   * Time for which signing keys are still used while the key set cannot be fetched, in milliseconds, 60,000 to
   * 2,592,000,000. Default 86,400,000 (24 hours). A withdrawn key is not used longer than this; afterwards requests
   * with tokens get a 503 until the key set can be fetched again.
   */
  keysMaxStaleMs?: number;
  /** Allows plain http to hosts other than this machine. Default false: secrets would travel unencrypted. */
  allowInsecure?: boolean;
}

/** One client at any standard OAuth 2.0 / OpenID Connect system. */
export interface OAuth2ProviderOptions extends OAuth2ClientOptions {
  name: string;
  /**
   * The issuer identifier, without query or fragment. Without {@link endpoints} the module discovers everything else
   * from it (OpenID Connect Discovery 1.0), when it is first needed.
   */
  issuer?: string;
  /** Endpoints to use instead of discovery. The verification of JWTs then needs {@link issuer} too. */
  endpoints?: OAuth2Endpoints;
  /**
   * Hosts, in addition to the issuer's, that the discovery document may name for endpoints that get the client secret,
   * codes or tokens, such as `oauth2.googleapis.com`; with the port if it is not the default of the scheme. Default
   * none: with other hosts the application does not start, and the error names them. No effect with {@link endpoints}.
   */
  endpointHosts?: readonly string[];
  verification: VerificationChoice;
  /** Separator of scopes. Default a space, as in RFC 6749. */
  scopeSeparator?: ' ' | ',';
  /** Signature algorithm of id_tokens. Default `RS256`. */
  idTokenAlgorithm?: string;
  /** With {@link endpoints}: whether the system promises `iss` in authorization responses (RFC 9207). Default false. */
  issuerParameter?: boolean;
}
