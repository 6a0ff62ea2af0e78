import { randomUUID } from 'node:crypto';
import type { NowggClock } from '../clock.js';
import type { TokenFacts, TokenType } from '../principal.js';
import { credentialIdOf } from './credential-id.js';
import type { NowggSessionInfo, NowggUserInfo } from './account-info.js';
import type { IdentityHttp } from './identity-http.js';
import type { InvalidReason, UnknownReason } from './reasons.js';
import type { UnverifiedJws } from './unverified-jws.js';

/** What one look at the undecoded token tells, without any I/O. Decoding may refuse or route a token, never accept it. */
export type Inspection =
  | { readonly action: 'refuse'; readonly reason: InvalidReason }
  /**
   * Ask, as this kind. `undefined`: the token does not tell, use the route's kind. `local`: the answer is computed here
   * from keys at hand, so that neither the circuit nor the limits of calls apply to it.
   */
  | { readonly action: 'ask'; readonly tokenType: TokenType | undefined; readonly local?: boolean };

/** An identity system's answer about one token. */
export type IdentityVerdict =
  | { readonly status: 'valid'; readonly facts: TokenFacts }
  /**
   * `independentOfClient`: certainly about the token, because no client credentials were sent or the system names the reason.
   * `isOwnFinding`: the system said yes, but what it said rules the token out here (a foreign audience, an `exp` past). That
   * is a no for this request; it is not remembered, because it is not the system's own.
   */
  | {
      readonly status: 'invalid';
      readonly reason: InvalidReason;
      readonly independentOfClient?: boolean;
      readonly isOwnFinding?: boolean;
    }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined };

/** A token set as the token endpoint sent it. Times are epoch milliseconds; absent means unknown. */
export interface TokenSet {
  readonly accessToken: string;
  readonly accessTokenExpiresAtMs?: number | undefined;
  /** Absent when the reply had none: keep the old one. */
  readonly refreshToken?: string | undefined;
  readonly refreshTokenExpiresAtMs?: number | undefined;
  /** The user whom a verified id_token beside these tokens names: the access token must be his. */
  readonly subject?: string;
}

/** What came of a call to the token endpoint. The classes are those of the refresh protocol. */
export type TokenOutcome =
  | { readonly status: 'tokens'; readonly tokens: TokenSet }
  /**
   * A well-formed refusal. `isFinal`: the system's documented code says that this grant is dead (`invalid_grant` of
   * OAuth 2.0). now.gg publishes no such codes, so its refusals are never final.
   */
  | { readonly status: 'refused'; readonly code: string; readonly isFinal: boolean }
  /** Our client itself was refused (`invalid_client`): says nothing about any grant. */
  | { readonly status: 'client_refused' }
  /** The request certainly did not reach the identity system. */
  | { readonly status: 'not_sent'; readonly reason: UnknownReason }
  /** The identity system asked us to come back later (429, a well-formed 503). */
  | { readonly status: 'busy'; readonly retryAfterMs?: number | undefined }
  /** It may or may not have been carried out: timeout, reset, 5xx, nonsense. */
  | { readonly status: 'in_doubt'; readonly reason: UnknownReason };

/** A reply of a user or session information endpoint. */
export type InfoOutcome<T> =
  | { readonly status: 'info'; readonly info: T }
  /** A 401 or a well-formed refusal: says nothing by itself, ask for a verdict. */
  | { readonly status: 'refused' }
  | { readonly status: 'unknown'; readonly reason: UnknownReason; readonly retryAfterMs?: number | undefined }
  /** This identity system has no such endpoint. */
  | { readonly status: 'unsupported' };

/** An authorization response (RFC 6749 section 4.1.2), and what must come with it. */
export interface AuthorizationCallback {
  /** The query of the callback, as it arrived. */
  readonly parameters: string;
  /** The `state` that the authorization request had. */
  readonly state: string;
  /** The `nonce` that the authorization request had, when it asked for an id_token. */
  readonly nonce?: string;
}

export interface CodeExchangeRequest {
  readonly code: string;
  readonly redirectUri?: string | undefined;
  readonly codeVerifier?: string | undefined;
  /** How the code came back from the browser, to be checked as a whole. OAuth 2.0 only. */
  readonly authorization?: AuthorizationCallback | undefined;
  readonly signal: AbortSignal;
}

/**
 * Port: one client at one identity system. Implementations never throw for what the identity system says or fails to
 * say; every outcome is a value. They keep no token beyond the call.
 */
export abstract class IdentityProvider {
  /** Unique in a module; part of every principal and grant. */
  abstract readonly name: string;
  /** Hash of the system's address and our client id; 43 base64url characters. */
  abstract readonly clientKey: string;
  /**
   * What this client's verdicts depend on: its name, address, client id, method of verification and every setting that
   * decides, but no secret. Processes share verdicts only where all providers of their modules have equal scopes.
   * Default: unique to the instance, so that nothing is shared.
   */
  readonly verdictScope: string = randomUUID();
  /** The kinds that this client can have verified; the first is asked for when neither token nor route tells. */
  abstract readonly tokenTypes: readonly TokenType[];

  /** Whether this client can obtain tokens at all: a now.gg client without a secret cannot. */
  get canObtainTokens(): boolean {
    return true;
  }

  /**
   * Whether it exchanges a code that comes without its authorization response. False where an authorization flow of this
   * application checks state, nonce and issuer first: a code that was begun in another browser would pass otherwise.
   */
  get acceptsBareCodes(): boolean {
    return true;
  }

  /**
   * Whether a question about this kind of token carries our client secret: then an acceptance proves the secret, and a
   * refusal that is not `independentOfClient` may be about the secret instead of the token. Default: true.
   */
  sendsSecretFor(_tokenType: TokenType): boolean {
    return true;
  }

  /**
   * Whether it judges every token completely by computing, from keys at hand. A token that can only be for it is then not
   * looked at beforehand: decoding it twice would cost as much as all the rest.
   */
  get isLocal(): boolean {
    return false;
  }

  /**
   * The identity of a token, under which it is revoked: 43 base64url characters. Two spellings of one token that this
   * provider accepts have the same identity. Default: SHA-256 of the whole text.
   */
  credentialIdOf(token: string): string {
    return credentialIdOf(token);
  }

  /**
   * Checks when the application starts what must not wait for the first request. An identity system that cannot be asked
   * does not stop the start.
   *
   * @throws NowggConfigurationError when the application must not start
   */
  async checkAtStart(): Promise<void> {
    // Nothing to check by default.
  }

  /** Whether the unverified issuer and audience point here. Only to choose among several providers. */
  abstract recognises(jws: UnverifiedJws): boolean;

  /** Reads what can be read without asking. `jws` is undefined for an opaque token. */
  abstract inspect(jws: UnverifiedJws | undefined, nowMs: number): Inspection;

  /** Asks whether the token is good. `signal` bears the total deadline. */
  abstract verify(token: string, tokenType: TokenType, signal: AbortSignal): Promise<IdentityVerdict>;

  /** Turns a one-time authorization code into a first token set. */
  abstract exchangeCode(request: CodeExchangeRequest): Promise<TokenOutcome>;

  /** Turns a refresh token into a new token set. */
  abstract refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome>;

  /** Asks for the account behind a token. Not every identity system has such an endpoint. */
  async getUserInfo(_token: string, _signal: AbortSignal): Promise<InfoOutcome<NowggUserInfo>> {
    return { status: 'unsupported' };
  }

  /** Asks for the session in which a token was issued. Not every identity system has such an endpoint. */
  async getSessionInfo(_token: string, _signal: AbortSignal): Promise<InfoOutcome<NowggSessionInfo>> {
    return { status: 'unsupported' };
  }

  /**
   * Tells the identity system that a grant is over, where it has a way to be told. Best effort, never throws.
   * @returns false when it could not be told now and may be told later
   */
  async revoke(_refreshToken: string, _signal: AbortSignal, _accessToken?: string): Promise<boolean | void> {
    // now.gg has no revocation endpoint; systems that have one override this.
  }

  /**
   * Whether the unverified claims of a token name another user or client than the grant under which it came. Another
   * session of the same user does not contradict: no identity system promises that a refresh keeps the session's id.
   * Finds disagreement only: a token that is not contradicted is not proven by it. Default: nothing is known of the
   * claims, so nothing contradicts.
   */
  contradicts(_jws: UnverifiedJws, _grant: { readonly userId: string }): boolean {
    return false;
  }
}

/** What the module hands to a definition when it creates the provider. */
export interface IdentityProviderContext {
  readonly http: IdentityHttp;
  readonly clock: NowggClock;
  /** Tolerated difference between the clocks, milliseconds. */
  readonly clockSkewMs: number;
}

/** How an identity provider is configured: a name and a way to create it. Instances are wired by the module. */
export interface IdentityProviderDefinition {
  readonly name: string;
  create(context: IdentityProviderContext): IdentityProvider;
}
