import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Optional } from '@nestjs/common';
import * as openid from 'openid-client';
import { NowggClock } from '../../clock.js';
import { IdentityUnavailableError, InvalidRequestError, NowggConfigurationError } from '../../errors.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../../options.js';
import type { CodeExchange } from '../../tokens/grant.js';
import { KeyRing } from '../../tokens/key-ring.js';
import type { NowggTokenService } from '../../tokens/nowgg-token-service.js';
import { TokenStore } from '../../tokens/token-store.js';
import { WIRED_TOKEN_SERVICE } from '../../tokens/token-store-wiring.js';
import type { OAuth2Client } from '../oauth2-client.js';
import { OAuth2IdentityProvider, oauth2ProviderOf } from '../oauth2-identity-provider.js';
import { type AuthorizationCookie, authorizationCookie, readAuthorizationCookie } from './authorization-cookie.js';
import { buildUrl } from './authorization-endpoints.js';
import { foreignCallback } from './authorization-errors.js';
import { only, queryOf, readAuthorization } from './authorization-response.js';
import { hashOfState, openSignIn, type PendingSignIn, sealSignIn, type SignInOwner } from './pending-sign-in.js';

export interface AuthorizationUrlOptions {
  /** Scopes instead of the provider's. */
  readonly scopes?: readonly string[];
  /** `prompt` of OpenID Connect Core section 3.1.2.1, such as `login` or `none`. */
  readonly prompt?: string;
  /** A path of this site, handed back by the callback. Anything else is refused. */
  readonly returnTo?: string;
}

/** The browser is sent to {@link url}, with {@link cookie} set. */
export interface AuthorizationStart {
  readonly url: string;
  readonly cookie: AuthorizationCookie;
}

/** What of the callback's request is needed. */
export interface AuthorizationCallbackRequest {
  /** The request's target or address: everything after the first `?` counts. */
  readonly url: string;
  /** The `Cookie` header as it came. */
  readonly cookie: string | undefined;
}

/** A finished sign-in. */
export interface SignIn extends CodeExchange {
  /** What {@link AuthorizationUrlOptions.returnTo} said. */
  readonly returnTo?: string;
  /** Clears the cookie of this sign-in. */
  readonly cookie: AuthorizationCookie;
}

export interface EndSessionOptions {
  /** Comes back with the browser to the post-logout address. */
  readonly state?: string;
}

/** How long a player may take between the way out and the way back. */
const LONGEST_SIGN_IN_MS = 600_000;
const STATE = /^[A-Za-z0-9_-]{43}$/;

/**
 * The authorization code flow for browsers (RFC 6749 section 4.1, with PKCE of RFC 7636 and the issuer check of RFC
 * 9207). What is needed on the way back travels sealed in the browser's cookie, so any process can finish what another
 * began; a state is claimed in the token store, so it serves once.
 */
@Injectable()
export class NowggAuthorizationService {
  readonly #providers: IdentityProviders;
  readonly #clock: NowggClock;
  readonly #store: TokenStore | undefined;
  readonly #tokens: NowggTokenService | undefined;
  readonly #ring: KeyRing | undefined;

  constructor(
    @Inject(IdentityProviders) providers: IdentityProviders,
    @Inject(NowggClock) clock: NowggClock,
    @Inject(RESOLVED_OPTIONS) options: ResolvedNowggAuthOptions,
    @Optional() @Inject(TokenStore) store: TokenStore | undefined,
    @Optional() @Inject(WIRED_TOKEN_SERVICE) tokens: NowggTokenService | undefined,
  ) {
    this.#providers = providers;
    this.#clock = clock;
    this.#store = store;
    this.#tokens = tokens;
    this.#ring = options.tokens && new KeyRing(options.tokens.encryptionKeys, options.tokens);
  }

  /** Whether a provider of this name exists and has such a flow. */
  serves(provider: string): boolean {
    const found = this.#providers.find(provider);
    return found instanceof OAuth2IdentityProvider && found.client.settings.redirectUri !== undefined;
  }

  /**
   * Begins a sign-in: where to send the browser, and the cookie that makes the way back this browser's alone.
   *
   * @throws IdentityUnavailableError when the identity system's metadata cannot be had
   * @throws NowggConfigurationError when the provider has no redirectUri or no such flow, or there is no token store
   */
  async authorizationUrl(provider?: string, options: AuthorizationUrlOptions = {}): Promise<AuthorizationStart> {
    const { ring } = this.#vault();
    const client = this.#clientOf(provider);
    const { settings } = client;
    const { redirectUri } = settings;
    if (redirectUri === undefined)
      throw new NowggConfigurationError('redirectUri is needed for the authorization flow');
    const { returnTo } = options;
    if (returnTo !== undefined && !isPath(returnTo))
      throw new InvalidRequestError('returnTo must be a path of this site');
    const scopes = options.scopes ?? settings.scopes;
    const state = openid.randomState();
    const codeVerifier = openid.randomPKCECodeVerifier();
    const nonce = scopes.includes('openid') ? openid.randomNonce() : undefined;
    const url = await buildUrl(client, 'authorization_endpoint', {
      ...settings.authorizationParameters,
      ...(options.prompt !== undefined && { prompt: options.prompt }),
      ...(scopes.length > 0 && { scope: scopes.join(settings.scopeSeparator) }),
      ...(nonce !== undefined && { nonce }),
      redirect_uri: redirectUri,
      state,
      code_challenge: await openid.calculatePKCECodeChallenge(codeVerifier),
      code_challenge_method: 'S256',
    });
    if (url === undefined) throw new NowggConfigurationError('this identity provider has no authorization endpoint');
    const pending: PendingSignIn = {
      codeVerifier,
      redirectUri,
      expiresAtMs: this.#clock.now() + LONGEST_SIGN_IN_MS,
      ...(nonce !== undefined && { nonce }),
      ...(returnTo !== undefined && { returnTo }),
    };
    const secure = redirectUri.startsWith('https:');
    const maxAgeSeconds = LONGEST_SIGN_IN_MS / 1000;
    const sealed = sealSignIn(ring, ownerOf(client), state, pending);
    return { url, cookie: authorizationCookie(state, sealed, { secure, maxAgeSeconds }) };
  }

  /**
   * Finishes a sign-in. Everything is checked before the code is used; a callback that fails a check asks nobody.
   *
   * @param provider name of the identity provider whose callback address was called; needed when there are several
   * @throws InvalidRequestError for a callback that this browser did not begin, that is too old or was used before
   * @throws AuthorizationRefusedError when the identity system sent an error
   * @throws InvalidGrantError when the code or its id_token is no good
   * @throws IdentityUnavailableError when the identity system or the store cannot be asked; the same callback may be
   *   tried again
   */
  async callback(provider: string | undefined, request: AuthorizationCallbackRequest): Promise<SignIn> {
    const { ring, store, tokens } = this.#vault();
    const client = this.#clientOf(provider);
    const parameters = queryOf(request.url);
    const state = only(parameters, 'state');
    if (state === undefined || !STATE.test(state)) throw foreignCallback();
    const secure = client.settings.redirectUri?.startsWith('https:') ?? true;
    const sealed = readAuthorizationCookie(request.cookie, state, secure);
    const pending = sealed === undefined ? undefined : openSignIn(ring, ownerOf(client), state, sealed);
    const leftMs = (pending?.expiresAtMs ?? 0) - this.#clock.now();
    if (!pending || leftMs <= 0) throw foreignCallback();
    const key = { codeHash: hashOfState(ownerOf(client), state), owner: randomUUID() };
    // Held until nobody could use the state any more, whichever of the two clocks is ahead.
    const claim = await store.claimExchange({ ...key, leaseMs: leftMs + LONGEST_SIGN_IN_MS });
    if (claim.outcome !== 'mine') throw foreignCallback();
    try {
      const authorization = await readAuthorization(client, parameters, state, pending);
      const exchange = await tokens.exchangeCode(authorization.code, authorization.options);
      const cookie = authorizationCookie(state, '', { secure, maxAgeSeconds: 0 });
      return { ...exchange, cookie, ...(pending.returnTo !== undefined && { returnTo: pending.returnTo }) };
    } catch (error) {
      // Nobody has said no: the browser may load the same address again.
      if (error instanceof IdentityUnavailableError) await store.releaseExchange({ ...key, next: 'now' });
      throw error;
    }
  }

  /**
   * Where a browser is sent to end its session at the identity system (OpenID Connect RP-Initiated Logout 1.0).
   * @returns undefined when the identity system has no such address
   */
  async endSessionUrl(provider?: string, { state }: EndSessionOptions = {}): Promise<string | undefined> {
    const client = this.#clientOf(provider);
    const { postLogoutRedirectUri } = client.settings;
    return buildUrl(client, 'end_session_endpoint', {
      ...(postLogoutRedirectUri !== undefined && { post_logout_redirect_uri: postLogoutRedirectUri }),
      ...(state !== undefined && { state }),
    });
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

function ownerOf({ settings, clientKey }: OAuth2Client): SignInOwner {
  return { provider: settings.name, clientKey };
}

/** Not `//host`, not `/\host`, no control characters: a browser would take those for another site or drop them. */
function isPath(text: unknown): boolean {
  return typeof text === 'string' && text.length <= 1_024 && /^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text);
}
