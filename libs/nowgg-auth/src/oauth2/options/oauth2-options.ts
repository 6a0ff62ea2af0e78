import type { VerificationMethod } from '../verification/verification-method.js';

/** Where a system answers, when it has no discovery document or is not to be asked for it. Absolute URLs. */
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
}

/** How access tokens are verified: one way for all, or one for those that are JWTs and one for the others. */
export type VerificationChoice =
  | VerificationMethod
  | { readonly jwt: VerificationMethod; readonly opaque: VerificationMethod };

/** What every OAuth 2.0 client has, whatever the system. */
export interface OAuth2ClientOptions {
  /** Name of this provider in the module: part of every principal and grant. 1 to 64 characters of `A-Z a-z 0-9 _ -`. */
  name?: string;
  clientId: string;
  clientSecret?: string;
  /** How the client names itself at the token endpoint. Default `basic` with a secret, `none` without. */
  clientAuthentication?: 'basic' | 'post' | 'none';
  /** Where the authorization flow comes back to, exactly as registered. Needed for that flow only. */
  redirectUri?: string;
  /**
   * Whether `POST login` and `exchangeCode()` take codes of this provider although it has a {@link redirectUri}. Default
   * false: the authorization flow's callback takes them, which checks state, nonce and issuer. True is for clients that
   * run a flow of their own, and lets a code in that was begun in another browser where the identity system ignores PKCE.
   */
  acceptCodesAtLogin?: boolean;
  /** Where the browser goes after a logout at the identity system, exactly as registered. */
  postLogoutRedirectUri?: string;
  /** Scopes that a sign-in asks for. What makes the system issue a refresh token belongs to them. */
  scopes?: readonly string[];
  /** Scopes of the application's own token (client credentials). Default none named. */
  applicationScopes?: readonly string[];
  /** More parameters of the authorization request, such as `prompt` or `ui_locales`. */
  authorizationParameters?: Readonly<Record<string, string>>;
  /**
   * How long signing keys go on serving while the key set cannot be fetched, milliseconds, 60,000 to 2,592,000,000.
   * Default 86,400,000 (24 hours). A key that was withdrawn serves no longer than this; afterwards tokens are answered
   * with 503 until the key set is there again.
   */
  keysMaxStaleMs?: number;
  /** Allows plain http to hosts other than this machine. Default false: secrets would travel in the open. */
  allowInsecure?: boolean;
}

/** One client at any standard OAuth 2.0 / OpenID Connect system. */
export interface OAuth2ProviderOptions extends OAuth2ClientOptions {
  name: string;
  /**
   * The issuer identifier, without query or fragment. Without {@link endpoints} everything else is discovered from it
   * (OpenID Connect Discovery 1.0), when it is first needed.
   */
  issuer?: string;
  /** Instead of discovery. Tokens that are JWTs then need {@link issuer} too. */
  endpoints?: OAuth2Endpoints;
  /**
   * Hosts beside the issuer's own that the discovery document may name for endpoints that get the client secret, codes or
   * tokens, such as `oauth2.googleapis.com`; with a port where it is not the scheme's own. Default none: other hosts
   * refuse the boot, by name. Without effect where {@link endpoints} are given.
   */
  endpointHosts?: readonly string[];
  verification: VerificationChoice;
  /** What stands between scopes. Default a space, as RFC 6749 has it. */
  scopeSeparator?: ' ' | ',';
  /** The one algorithm that id_tokens are signed with. Default `RS256`. */
  idTokenAlgorithm?: string;
  /** With {@link endpoints}: the system promises `iss` in its authorization responses (RFC 9207). Default false. */
  issuerParameter?: boolean;
}
