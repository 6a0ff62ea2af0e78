import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { NowggClock } from '../../clock.js';
import {
  IdentityUnavailableError,
  InvalidGrantError,
  UserBannedError,
  InvalidRequestError,
  NowggConfigurationError,
} from '../../errors.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../../options/options.js';
import type { CodeExchange } from '../../tokens/store/grant.js';
import { KeyRing } from '../../tokens/vault/key-ring.js';
import type { NowggTokenService, SessionOpenOptions } from '../../tokens/nowgg-token-service.js';
import { TokenStore, WIRED_TOKEN_SERVICE } from '../../tokens/store/token-store.js';
import { NowggAuthenticator } from '../../verification/nowgg-authenticator.js';
import type { OAuth2Client } from '../endpoints/oauth2-client.js';
import { OAuth2IdentityProvider, oauth2ProviderOf } from '../provider/oauth2-identity-provider.js';
import {
  type AuthorizationCookie,
  authorizationCookie,
  clearedCookie,
  cookieName,
  findSignIn,
  readSignIns,
  type SignInUnderWay,
} from './authorization-cookie.js';
import { buildUrl } from './authorization-endpoints.js';
import { AuthorizationRefusedError, foreignCallback, publishForeignCallback } from './authorization-errors.js';
import { AUTHORIZATION_POLICY, type AuthorizationPolicy, mayReturnTo } from './authorization-policy.js';
import { type AuthorizationUrlOptions, authorizationValues, isState } from './authorization-request.js';
import { only, queryOf, readAuthorization, type RedirectScopes } from './authorization-response.js';
import { FRAGMENT, isChallenge, withFragment } from './handoff.js';
import { type HandedOverSession, HandoffDesk } from './handoff-desk.js';
import { hashOfState, openSignIn, type PendingSignIn, sealSignIn, type SignInOwner } from './pending-sign-in.js';
import { roomFor, type SignInRoom } from './sign-in-room.js';
import { type AuthorizationStartRequest, type StartOrigin, startOriginOf } from './start-origin.js';
import type { DeviceRequest } from '../../tokens/exchange/session-device.js';

/** The response that starts a sign-in: redirect the browser to {@link url} and set all {@link cookies}. */
export interface AuthorizationStart {
  readonly url: string;
  /** The `state` in {@link url}. */
  readonly state: string;
  /**
   * The data that the callback needs, encrypted; the cookie contains the same. For a client without cookies, such as a
   * native application: keep it where only this client can use it, and pass it to the callback.
   */
  readonly pending: string;
  /** The cookie of this sign-in. */
  readonly cookie: AuthorizationCookie;
  /** {@link cookie}, and those that clear ended sign-ins or sign-ins that made room. */
  readonly cookies: readonly AuthorizationCookie[];
}

/** The required parts of the callback's request. */
export interface AuthorizationCallbackRequest {
  /** The request's target or address; only the text after the first `?` is used. */
  readonly url: string;
  /** The unchanged `Cookie` header. */
  readonly cookie?: string | undefined;
  /** {@link AuthorizationStart.pending} of this client's sign-in, in place of the cookie. */
  readonly pending?: string | undefined;
  /** The request itself, for device and place in the list of sessions. */
  readonly from?: DeviceRequest | undefined;
}

/** A finished sign-in. */
export interface SignIn extends CodeExchange {
  /** The value of {@link AuthorizationUrlOptions.returnTo}. */
  readonly returnTo?: string;
  /**
   * The scopes in the redirect, compared with the requested ones; absent when it named none. The address is not signed:
   * only the token's own scopes decide what it may do.
   */
  readonly redirectScopes?: RedirectScopes;
  /**
   * For a sign-in with a challenge: `returnTo` with a handoff in its fragment. Redirect the browser there; the page gets
   * the session by `redeemHandoff()`.
   */
  readonly location?: string;
  /** Clears the cookie of this sign-in. */
  readonly cookie: AuthorizationCookie;
}

export interface EndSessionOptions {
  /** Returned to the post-logout address by the browser. */
  readonly state?: string;
  /**
   * The last id_token of this sign-in as the identity system sent it, where your application has it: with it, most systems
   * sign out without a question. This module does not keep id_tokens. It travels in the address, which logs may keep.
   */
  readonly idTokenHint?: string;
  /** `logout_hint`, in the form that the identity system documents, such as the `sid` (`NowggGrant.sessionId`). */
  readonly logoutHint?: string;
}

/** Longest time between the redirect to the identity system and the callback. */
const LONGEST_SIGN_IN_MS = 600_000;
/** Encrypted data that a client keeps for the callback. */
const SEALED = /^[\w-]{1,4096}$/;
/** Used for a start without a known request. */
const NO_CHANGE: SignInRoom = { clear: [], slot: undefined };

/**
 * The authorization code flow for browsers (RFC 6749 section 4.1, with PKCE of RFC 7636 and the issuer check of RFC
 * 9207). The browser's cookie contains the encrypted data for the callback, so any process can finish a sign-in that
 * another one started. A state is claimed in the token store, so it can be used only once.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { type AuthorizationStartRequest, NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
 *
 * @Injectable()
 * export class WebSignIn {
 *   constructor(private readonly signIns: NowggAuthorizationService) {}
 *
 *   async start(request: AuthorizationStartRequest) {
 *     const { url, cookies } = await this.signIns.authorizationUrl('web', { request });
 *     return { location: url, 'set-cookie': cookies.map(({ header }) => header) };
 *   }
 * }
 * ```
 */
@Injectable()
export class NowggAuthorizationService {
  readonly #providers: IdentityProviders;
  readonly #clock: NowggClock;
  readonly #store: TokenStore | undefined;
  readonly #tokens: NowggTokenService | undefined;
  readonly #ring: KeyRing | undefined;
  readonly #policy: AuthorizationPolicy;
  readonly #authenticator: NowggAuthenticator;
  /** A callback without a handoff begins a session without a key. */
  readonly #needsKey: boolean;

  constructor(
    @Inject(IdentityProviders) providers: IdentityProviders,
    @Inject(NowggClock) clock: NowggClock,
    @Inject(RESOLVED_OPTIONS) options: ResolvedNowggAuthOptions,
    @Optional() @Inject(TokenStore) store: TokenStore | undefined,
    @Optional() @Inject(WIRED_TOKEN_SERVICE) tokens: NowggTokenService | undefined,
    @Inject(AUTHORIZATION_POLICY) policy: AuthorizationPolicy,
    @Inject(NowggAuthenticator) authenticator: NowggAuthenticator,
  ) {
    this.#providers = providers;
    this.#clock = clock;
    this.#store = store;
    this.#tokens = tokens;
    this.#policy = policy;
    this.#authenticator = authenticator;
    this.#needsKey = options.tokens?.sessions.binding === 'required';
    this.#ring = options.tokens && new KeyRing(options.tokens.encryptionKeys, options.tokens);
  }

  /** Whether a provider with this name exists and has an authorization flow. */
  serves(provider: string): boolean {
    const found = this.#providers.find(provider);
    return found instanceof OAuth2IdentityProvider && found.client.settings.redirectUri !== undefined;
  }

  /**
   * Whether to ask the player before a sign-in starts, because a site without permission started it, or because this
   * browser has no room for another one. Ask on a page of this site whose link leads to the same address.
   *
   * @param provider name of the identity provider; needed when there are several
   *
   * @example
   * ```ts
   * import { type AuthorizationStartRequest, NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export function pageFor(signIns: NowggAuthorizationService, request: AuthorizationStartRequest) {
   *   return signIns.needsConfirmation('web', request) ? 'ask the player' : 'redirect';
   * }
   * ```
   */
  needsConfirmation(provider: string | undefined, request: AuthorizationStartRequest): boolean {
    const origin = this.#startOriginOf(this.#clientOf(provider), request);
    return origin === 'another_site' || this.#roomFor(request, origin) === undefined;
  }

  /** Whether {@link AuthorizationUrlOptions.returnTo} may be this address: at most 256 characters, and on the list. */
  mayReturnTo(address: unknown): address is string {
    return mayReturnTo(this.#policy, address);
  }

  /**
   * Starts a sign-in. Returns the address to redirect the browser to, and the cookie that binds the callback to it, or
   * the same as a text for clients without cookies.
   *
   * @throws InvalidRequestError when an option is not valid, `returnTo` is not allowed, this browser has too many
   *   pending sign-ins, or there is no challenge and `tokens.sessions.binding` is `required`
   * @throws IdentityUnavailableError when the identity system's metadata is not available
   * @throws NowggConfigurationError when the provider has no redirectUri or no such flow, or there is no token store
   *
   * @example
   * ```ts
   * import { type AuthorizationStartRequest, NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export async function start(signIns: NowggAuthorizationService, request: AuthorizationStartRequest) {
   *   const { url, cookies } = await signIns.authorizationUrl('web', { request, returnTo: '/lobby' });
   *   return { location: url, 'set-cookie': cookies.map(({ header }) => header) };
   * }
   * ```
   */
  async authorizationUrl(provider?: string, options: AuthorizationUrlOptions = {}): Promise<AuthorizationStart> {
    const { ring } = this.#vault();
    const client = this.#clientOf(provider);
    const { settings } = client;
    const { redirectUri } = settings;
    if (redirectUri === undefined)
      throw new NowggConfigurationError('redirectUri is needed for the authorization flow');
    const { returnTo, request, challenge } = options;
    this.#checkWayBack(returnTo, challenge);
    if (challenge === undefined && this.#needsKey) {
      throw new InvalidRequestError('a challenge is needed: the session gets its key where a page redeems the handoff');
    }
    const room = request ? this.#roomFor(request, this.#startOriginOf(client, request)) : NO_CHANGE;
    if (!room) throw new InvalidRequestError('too many sign-ins are pending in this browser');
    const { state, nonce, codeVerifier, scopes, parameters } = await authorizationValues(settings, options);
    const url = await buildUrl(client, 'authorization_endpoint', { ...parameters, redirect_uri: redirectUri });
    if (url === undefined) throw new NowggConfigurationError('this identity provider has no authorization endpoint');
    const nowMs = this.#clock.now();
    const pending: PendingSignIn = {
      codeVerifier,
      expiresAtMs: nowMs + LONGEST_SIGN_IN_MS,
      ...(nonce !== undefined && { nonce }),
      ...(scopes !== undefined && { scopes }),
      ...(returnTo !== undefined && { returnTo }),
      ...(challenge !== undefined && { challenge }),
    };
    const secure = redirectUri.startsWith('https:');
    const maxAgeSeconds = LONGEST_SIGN_IN_MS / 1000;
    const sealed = sealSignIn(ring, ownerOf(client), state, pending);
    const cookie = authorizationCookie(state, sealed, { secure, maxAgeSeconds, nowMs, slot: room.slot });
    return { url, state, pending: sealed, cookie, cookies: [cookie, ...room.clear.map(clearedCookie)] };
  }

  /**
   * Finishes a sign-in. All checks run before the code is used; a callback that fails one causes no request.
   *
   * @param provider name of the identity provider whose callback address was called; needed when there are several
   * @throws InvalidRequestError for a callback that this browser did not start, that is too old or was used before
   * @throws AuthorizationRefusedError when the identity system sent an error
   * @throws InvalidGrantError when the code or its id_token is not valid
   * @throws IdentityUnavailableError when the identity system or the store cannot be asked; the same callback may be
   *   tried again
   *
   * @example
   * ```ts
   * import { NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export async function finish(signIns: NowggAuthorizationService, url: string, cookie: string | undefined) {
   *   const signedIn = await signIns.callback('web', { url, cookie });
   *   return { session: signedIn.session, location: signedIn.returnTo ?? '/', 'set-cookie': signedIn.cookie.header };
   * }
   * ```
   */
  async callback(provider: string | undefined, request: AuthorizationCallbackRequest): Promise<SignIn> {
    const { store, tokens } = this.#vault();
    const client = this.#clientOf(provider);
    const parameters = queryOf(request.url);
    const begun = this.#begunSignIn(client, request, parameters);
    if (!begun) {
      publishForeignCallback(client.settings.name);
      throw foreignCallback();
    }
    const { state, pending, cookie } = begun;
    const leftMs = pending.expiresAtMs - this.#clock.now();
    if (leftMs <= 0) throw foreignCallback();
    const key = { codeHash: hashOfState(ownerOf(client), state), owner: randomUUID() };
    // Held until the state cannot be used any more, whichever of the two clocks is ahead.
    const claim = await store.claimExchange({ ...key, leaseMs: leftMs + LONGEST_SIGN_IN_MS });
    if (claim.outcome !== 'acquired') throw foreignCallback();
    try {
      const { code, options, redirectScopes } = await readAuthorization(client, parameters, state, pending);
      const device = request.from && tokens.deviceOf(request.from);
      const exchange = await tokens.exchangeCode(code, { ...options, ...device });
      const location = this.#locationOf(pending, exchange.session);
      return {
        ...exchange,
        cookie,
        ...(location !== undefined && { location }),
        ...(pending.returnTo !== undefined && { returnTo: pending.returnTo }),
        ...(redirectScopes && { redirectScopes }),
      };
    } catch (error) {
      // The code was not refused: the browser may load the same address again.
      const isKept = error instanceof IdentityUnavailableError || error instanceof NowggConfigurationError;
      if (isKept) await store.releaseExchange({ ...key, keepsLease: false });
      throw error;
    }
  }

  /**
   * Returns the page that began a sign-in which was refused, with the reason in its fragment: redirect the browser there.
   *
   * @param error what `callback()` has thrown for the same request
   * @returns undefined when no page waits: the sign-in was begun without a challenge, was not refused, or is unknown
   *
   * @example
   * ```ts
   * import { type AuthorizationCallbackRequest, NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export async function locationAfter(signIns: NowggAuthorizationService, request: AuthorizationCallbackRequest) {
   *   try {
   *     return (await signIns.callback('web', request)).location;
   *   } catch (error) {
   *     const location = signIns.refusalLocation('web', request, error);
   *     if (location === undefined) throw error;
   *     return location;
   *   }
   * }
   * ```
   */
  refusalLocation(
    provider: string | undefined,
    request: AuthorizationCallbackRequest,
    error: unknown,
  ): string | undefined {
    if (!(error instanceof InvalidGrantError || error instanceof UserBannedError)) return undefined;
    const pending = this.#begunSignIn(this.#clientOf(provider), request, queryOf(request.url))?.pending;
    if (pending?.challenge === undefined || !this.mayReturnTo(pending.returnTo)) return undefined;
    const reason = error instanceof AuthorizationRefusedError ? error.refusal : error.errorCode;
    return withFragment(pending.returnTo, { [FRAGMENT.error]: reason, [FRAGMENT.challenge]: pending.challenge });
  }

  /**
   * Gives a page the session of the sign-in that it has begun with a challenge. The same verifier gets the same session
   * for 60 seconds after the callback; any other verifier ends the handoff.
   *
   * @param handoff from the fragment of the address that the callback redirected to
   * @param options `proof`: `tokens.proofOf(request)`, made for the handoff. The first redemption settles whether the
   *   session is bound to that key, see `tokens.sessions.binding`; `grant.bound` tells it
   * @throws InvalidRequestError when the verifier has a wrong form
   * @throws InvalidGrantError when the handoff is not of this page, too old, or has met another verifier
   * @throws SessionProofError when the proof is refused, or missing where one is needed: the handoff stays good
   * @throws ReauthenticationRequiredError when the session has ended meanwhile
   * @throws IdentityUnavailableError when the store or the identity system cannot be asked: try again
   *
   * @example
   * ```ts
   * import { NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export async function sessionFor(signIns: NowggAuthorizationService, handoff: string, verifier: string) {
   *   const { session, accessToken } = await signIns.redeemHandoff(handoff, verifier);
   *   return { session, token: accessToken.token };
   * }
   * ```
   */
  async redeemHandoff(
    handoff: string,
    verifier: string,
    { proof }: Pick<SessionOpenOptions, 'proof'> = {},
  ): Promise<HandedOverSession> {
    return this.#desk().redeem(handoff, verifier, proof);
  }

  /**
   * Address that ends the browser's session at the identity system (OpenID Connect RP-Initiated Logout 1.0).
   * @returns undefined when the identity system has no such address
   *
   * @example
   * ```ts
   * import { NowggAuthorizationService } from 'nestjs-nowgg-auth/oauth2';
   *
   * export async function leave(signIns: NowggAuthorizationService) {
   *   return { location: (await signIns.endSessionUrl('web')) ?? '/' };
   * }
   * ```
   */
  async endSessionUrl(
    provider?: string,
    { state, idTokenHint, logoutHint }: EndSessionOptions = {},
  ): Promise<string | undefined> {
    const client = this.#clientOf(provider);
    const { postLogoutRedirectUri } = client.settings;
    return buildUrl(client, 'end_session_endpoint', {
      ...(idTokenHint !== undefined && { id_token_hint: idTokenHint }),
      ...(logoutHint !== undefined && { logout_hint: logoutHint }),
      ...(postLogoutRedirectUri !== undefined && { post_logout_redirect_uri: postLogoutRedirectUri }),
      ...(state !== undefined && { state }),
    });
  }

  /** @throws InvalidRequestError */
  #checkWayBack(returnTo: string | undefined, challenge: string | undefined): void {
    if (returnTo !== undefined && !this.mayReturnTo(returnTo))
      throw new InvalidRequestError('returnTo is not an allowed address');
    if (challenge === undefined) return;
    if (!isChallenge(challenge)) throw new InvalidRequestError('challenge must be the S256 challenge of a verifier');
    if (returnTo === undefined || returnTo.includes('#'))
      throw new InvalidRequestError('a challenge needs a returnTo without a fragment');
  }

  /** The sign-in of this browser or client that a callback belongs to. */
  #begunSignIn(client: OAuth2Client, request: AuthorizationCallbackRequest, parameters: URLSearchParams) {
    const state = only(parameters, 'state');
    if (!isState(state)) return undefined;
    const secure = client.settings.redirectUri?.startsWith('https:') ?? true;
    const underWay = signInOf(request, state, secure);
    const pending = underWay && openSignIn(this.#vault().ring, ownerOf(client), state, underWay.sealed);
    return pending && { state, pending, cookie: clearedCookie(underWay.name) };
  }

  /** @throws InvalidRequestError when the list of addresses has changed since the sign-in began */
  #locationOf({ returnTo, challenge }: PendingSignIn, session: string): string | undefined {
    if (challenge === undefined) return undefined;
    if (!this.mayReturnTo(returnTo)) throw new InvalidRequestError('returnTo is not an allowed address');
    const handoff = this.#desk().issue(session, challenge);
    return withFragment(returnTo, { [FRAGMENT.handoff]: handoff, [FRAGMENT.challenge]: challenge });
  }

  #desk(): HandoffDesk {
    return new HandoffDesk({ ...this.#vault(), authenticator: this.#authenticator, clock: this.#clock });
  }

  #startOriginOf({ settings }: OAuth2Client, request: AuthorizationStartRequest): StartOrigin {
    const { redirectUri } = settings;
    const ownOrigin = redirectUri === undefined ? '' : new URL(redirectUri).origin;
    return startOriginOf(request, ownOrigin, this.#policy.startOrigins);
  }

  #roomFor({ headers }: AuthorizationStartRequest, origin: StartOrigin): SignInRoom | undefined {
    return roomFor(readSignIns(headers.cookie), origin !== 'this_site', this.#clock.now(), LONGEST_SIGN_IN_MS);
  }

  #clientOf(provider: string | undefined): OAuth2Client {
    return oauth2ProviderOf(this.#providers.getOrOnly(provider)).client;
  }

  #vault(): { readonly ring: KeyRing; readonly store: TokenStore; readonly tokens: NowggTokenService } {
    if (!this.#ring || !this.#store || !this.#tokens) {
      throw new NowggConfigurationError('the authorization flow needs a token store and tokens.encryptionKeys');
    }
    return { ring: this.#ring, store: this.#store, tokens: this.#tokens };
  }
}

/** The encrypted data of a sign-in, from the client itself or from its cookie, and the name of that cookie. */
function signInOf(
  { cookie, pending }: AuthorizationCallbackRequest,
  state: string,
  secure: boolean,
): Pick<SignInUnderWay, 'name' | 'sealed'> | undefined {
  if (pending === undefined) return findSignIn(cookie, state, secure);
  return SEALED.test(pending) ? { name: cookieName(state, secure), sealed: pending } : undefined;
}

function ownerOf({ settings, clientKey }: OAuth2Client): SignInOwner {
  return { provider: settings.name, clientKey };
}
