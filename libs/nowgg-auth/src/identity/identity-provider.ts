import type { ProofsOfPossession } from './proof-of-possession.js';
import { randomUUID } from 'node:crypto';
import type { NowggClock } from '../clock.js';
import type { TokenFacts, TokenType } from '../principal.js';
import { credentialIdOf } from './token-text.js';
import type { NowggSessionInfo, NowggUserInfo } from './account-info.js';
import type { ForwardedIdentities } from './forwarding/forwarded-identity.js';
import type { IdTokenClaims } from './id-token-claims.js';
import type { IdentityHttp } from './identity-http.js';
import type { InvalidReason, UnknownReason } from './reasons.js';
import type { UnverifiedJws } from './unverified-jws.js';

/** The result of inspecting an unverified token, without any I/O. It may refuse or route a token, never accept it. */
export type Inspection =
  | { readonly action: 'refuse'; readonly reason: InvalidReason }
  /**
   * Verify the token as this kind. `undefined`: the token does not show its kind, use the route's. `local`: verified in
   * this process with cached keys, so neither the circuit nor the limits of calls apply.
   */
  | { readonly action: 'ask'; readonly tokenType: TokenType | undefined; readonly local?: boolean };

/** An identity system's answer about one token. */
export type IdentityVerdict =
  | { readonly status: 'valid'; readonly facts: TokenFacts }
  /**
   * `independentOfClient`: the refusal is certainly about the token, because no client credentials were sent or the
   * system names the reason. `isOwnFinding`: the system accepted the token, but its answer rules the token out here (an
   * audience of another client, a past `exp`). The request is refused, but the refusal is not cached, because the
   * system itself did not refuse.
   */
  | {
      readonly status: 'invalid';
      readonly reason: InvalidReason;
      readonly independentOfClient?: boolean;
      readonly isOwnFinding?: boolean;
    }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

/** An answer without a verdict. */
export type UnknownVerdict = Extract<IdentityVerdict, { status: 'unknown' }>;

/** A token set from the token endpoint. Times are epoch milliseconds; absent means unknown. */
export interface TokenSet {
  readonly accessToken: string;
  readonly accessTokenExpiresAtMs?: number | undefined;
  /** Absent when the reply had none: keep the old one. */
  readonly refreshToken?: string | undefined;
  readonly refreshTokenExpiresAtMs?: number | undefined;
  /** The scopes that the reply states (RFC 6749 section 5.1). Absent when it states none. */
  readonly scopes?: readonly string[] | undefined;
  /**
   * The user in an id_token of the same reply: the access token must belong to this user. Verified in the reply to a
   * code; in the reply to a refresh, only set where it must equal the user id of the grant.
   */
  readonly subject?: string;
  /** The verified claims of an id_token in the same reply. Absent without one, and when it could not be verified. */
  readonly idToken?: IdTokenClaims | undefined;
}

/** The result of a call to the token endpoint, in the classes of the refresh protocol. */
export type TokenOutcome =
  | { readonly status: 'tokens'; readonly tokens: TokenSet }
  /**
   * A well-formed refusal. `isFinal`: the system's documented code says that this grant has ended (`invalid_grant` of
   * OAuth 2.0). now.gg publishes no such codes, so its refusals are never final.
   */
  | { readonly status: 'refused'; readonly code: string; readonly isFinal: boolean }
  /** The client itself was refused (`invalid_client`): this says nothing about any grant. */
  | { readonly status: 'client_refused' }
  /**
   * The answer or the metadata of the identity system contradicts the options, so that another try would end in the same
   * way. `detail`: a fixed sentence that names the option.
   */
  | { readonly status: 'misconfigured'; readonly detail: string }
  /**
   * The request certainly did not reach the identity system. Reason `own_credentials_suspect`: it was refused and not
   * carried out, perhaps because of the client secret.
   */
  | { readonly status: 'not_sent'; readonly reason: UnknownReason }
  /** The identity system asks to try again later (429, a well-formed 503). */
  | { readonly status: 'busy'; readonly retryAfterMs?: number | undefined }
  /** The request may or may not have been carried out: timeout, reset, 5xx, invalid response. */
  | { readonly status: 'in_doubt'; readonly reason: UnknownReason };

/** A reply of a user or session information endpoint. */
export type InfoOutcome<T> =
  | { readonly status: 'info'; readonly info: T }
  /** A 401 or a well-formed refusal. Verify the token to learn whether it is valid. */
  | { readonly status: 'refused' }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined }
  /** This identity system has no such endpoint. */
  | { readonly status: 'unsupported' };

/** An authorization response (RFC 6749 section 4.1.2) and the values to check it with. */
export interface AuthorizationCallback {
  /** The unchanged query of the callback. */
  readonly parameters: string;
  /** The `state` of the authorization request. */
  readonly state: string;
  /** The `nonce` of the authorization request, when it asked for an id_token. */
  readonly nonce?: string;
  /** The scopes of the authorization request where they are not the provider's own. */
  readonly scopes?: readonly string[];
  /** Whether a page gets the session by a handoff, where its key is settled. */
  readonly isHandedOver?: boolean;
}

export interface CodeExchangeRequest {
  readonly code: string;
  readonly redirectUri?: string | undefined;
  readonly codeVerifier?: string | undefined;
  /** The authorization response that contained the code, to be checked as a whole. OAuth 2.0 only. */
  readonly authorization?: AuthorizationCallback | undefined;
  readonly signal: AbortSignal;
}

/** The life of a refresh token that is not used. */
export interface RefreshTokenIdle {
  /** In milliseconds. */
  readonly ms: number;
  /** Whether it counts from the last refresh, or from the expiry of the access token. */
  readonly since: 'use' | 'access_expiry';
}

/**
 * Port: one client at one identity system. Implementations never throw because of an answer or a missing answer of the
 * identity system; every outcome is a value. They keep no token after the call.
 */
export abstract class IdentityProvider {
  /** Unique in a module; part of every principal and grant. */
  abstract readonly name: string;
  /** Hash of the system's address and our client id; 43 base64url characters. */
  abstract readonly clientKey: string;
  /**
   * Hash of everything that this client's verdicts depend on: name, address, client id, verification method and every
   * setting that affects verdicts, but no secret. Processes share verdicts only where all providers of their modules
   * have equal scopes. Default: unique to the instance, so that nothing is shared.
   */
  readonly verdictScope: string = randomUUID();
  /** Kinds of token that this client can verify; the first is used when neither token nor route shows the kind. */
  abstract readonly tokenTypes: readonly TokenType[];

  /** Address of the identity system, for the log line at the start. Default: undefined, not named there. */
  get address(): string | undefined {
    return undefined;
  }

  /** Whether this client can obtain tokens at all: a now.gg client without a secret cannot. */
  get canObtainTokens(): boolean {
    return true;
  }

  /** Reads identities that a trusted proxy forwards in headers. Default: undefined, such headers are never believed. */
  get forwarding(): ForwardedIdentities | undefined {
    return undefined;
  }

  /** Checks the proofs of tokens that are bound to a key. Default: undefined, no such token is accepted. */
  get proofs(): ProofsOfPossession | undefined {
    return undefined;
  }

  /**
   * Whether a sign-in without a refresh token is an error. Where it is not, the grant of such a sign-in ends with its
   * access token. Default: true.
   */
  get needsRefreshToken(): boolean {
    return true;
  }

  /**
   * Whether the provider exchanges a code without its authorization response. False where an authorization flow of this
   * application checks state, nonce and issuer first: otherwise a code from another browser's sign-in would pass.
   */
  get acceptsBareCodes(): boolean {
    return true;
  }

  /**
   * Whether a request about this kind of token carries our client secret. Then an accepted token proves the secret, and
   * a refusal that is not `independentOfClient` may be about the secret instead of the token. Default: true.
   */
  sendsSecretFor(_tokenType: TokenType): boolean {
    return true;
  }

  /**
   * Returns the fingerprint of the client secret that requests carry now, by which processes recognise whether they have
   * the same one: see `fingerprintSecret`. Default: none, as of a client without a secret.
   */
  secretFingerprint(_key: Uint8Array): string {
    return '';
  }

  /**
   * Verifies a token again that this client has accepted before, to learn whether its secret is accepted. A provider with
   * several secrets tries each. Default: as {@link verify}.
   */
  async verifyAccepted(token: string, tokenType: TokenType, signal: AbortSignal): Promise<IdentityVerdict> {
    return this.verify(token, tokenType, signal);
  }

  /** Refusals may be about the client secret: a provider with several asks with another one as well. */
  doubtSecret(): void {
    // One secret, or none: there is no other.
  }

  /**
   * Whether the provider verifies every token in this process, with cached keys. Then a token that can only belong to
   * this provider is not inspected first: decoding it twice would cost as much as all the rest.
   */
  get isLocal(): boolean {
    return false;
  }

  /**
   * Whether a token that this system accepts again and again is asked about less and less often, unless the option
   * `verification.longestAgeMs` decides. Default: false.
   */
  get confidenceGrows(): boolean {
    return false;
  }

  /** How long the identity system keeps a refresh token that is not used. Default: undefined, not known. */
  get refreshTokenIdle(): RefreshTokenIdle | undefined {
    return undefined;
  }

  /**
   * The identity of a token, under which it is revoked: 43 base64url characters. Two encodings of one token that this
   * provider accepts have the same identity. Default: SHA-256 of the whole text.
   */
  credentialIdOf(token: string): string {
    return credentialIdOf(token);
  }

  /**
   * Runs the checks that must not wait for the first request, when the application starts. An identity system that does
   * not answer does not stop the start.
   *
   * @throws NowggConfigurationError when the application must not start
   */
  async checkAtStart(): Promise<void> {
    // Nothing to check by default.
  }

  /** Whether the unverified issuer and audience are those of this provider. Used only to choose among providers. */
  abstract recognises(jws: UnverifiedJws): boolean;

  /** Inspects a token without a request. `jws` is undefined for an opaque token. */
  abstract inspect(jws: UnverifiedJws | undefined, nowMs: number): Inspection;

  /**
   * Verifies the token. `signal` carries the total deadline.
   * @param jws the decoded token, if the caller has decoded it; undefined says nothing about the token
   */
  abstract verify(
    token: string,
    tokenType: TokenType,
    signal: AbortSignal,
    jws?: UnverifiedJws,
  ): Promise<IdentityVerdict>;

  /** Exchanges a one-time authorization code for a first token set. */
  abstract exchangeCode(request: CodeExchangeRequest): Promise<TokenOutcome>;

  /** Exchanges a refresh token for a new token set. */
  abstract refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome>;

  /** Gets the account of a token's user. Not every identity system has such an endpoint. */
  async getUserInfo(_token: string, _signal: AbortSignal): Promise<InfoOutcome<NowggUserInfo>> {
    return { status: 'unsupported' };
  }

  /** Gets the session in which a token was issued. Not every identity system has such an endpoint. */
  async getSessionInfo(_token: string, _signal: AbortSignal): Promise<InfoOutcome<NowggSessionInfo>> {
    return { status: 'unsupported' };
  }

  /**
   * Tells the identity system that a grant has ended, where the system has a way to do so. Best effort, never throws.
   * The refresh token is empty for a grant without one: see {@link needsRefreshToken}.
   * @returns false when this failed and may be tried again later
   */
  async revoke(_refreshToken: string, _signal: AbortSignal, _accessToken?: string): Promise<boolean | void> {
    // now.gg has no revocation endpoint; systems that have one override this.
  }

  /**
   * The facts that a verification would establish about an access token that a refresh has just brought, read from the
   * token itself. Undefined unless it is a JWS for this client that states all of them, with the user and session of the
   * grant. Default: undefined, so that the first use of the token verifies it.
   */
  factsOfIssued(
    _token: string,
    _grant: { readonly userId: string; readonly sessionId: string | undefined },
  ): TokenFacts | undefined {
    return undefined;
  }

  /**
   * The option that makes this provider refuse an access token that the identity system has just issued to this client,
   * as a fixed sentence. Undefined when the options do not explain the refusal. Default: undefined.
   */
  misconfigurationOf(_token: string, _reason: InvalidReason): string | undefined {
    return undefined;
  }

  /**
   * Whether the unverified claims of a token name another user or client than the grant that the token was issued for.
   * Another session of the same user is not a contradiction: no identity system promises that a refresh keeps the
   * session's id. The absence of a contradiction proves nothing about the token. Default: the claims are unknown, so
   * nothing contradicts.
   */
  contradicts(_jws: UnverifiedJws, _grant: { readonly userId: string }): boolean {
    return false;
  }
}

/** Dependencies that the module passes to a definition when it creates the provider. */
export interface IdentityProviderContext {
  readonly http: IdentityHttp;
  readonly clock: NowggClock;
  /** Tolerated difference between the clocks, in milliseconds. */
  readonly clockSkewMs: number;
}

/** The configuration of an identity provider: a name and a function that creates it. The module wires the instances. */
export interface IdentityProviderDefinition {
  readonly name: string;
  create(context: IdentityProviderContext): IdentityProvider;
}
