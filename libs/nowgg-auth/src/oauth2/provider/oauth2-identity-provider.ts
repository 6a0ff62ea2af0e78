import { NowggConfigurationError } from '../../errors.js';
import type { NowggUserInfo } from '../../identity/account-info.js';
import { readAudience, readTimeClaim } from '../../identity/claims.js';
import {
  type CodeExchangeRequest,
  IdentityProvider,
  type IdentityProviderContext,
  type IdentityVerdict,
  type InfoOutcome,
  type Inspection,
  type RefreshTokenIdle,
  type TokenOutcome,
} from '../../identity/identity-provider.js';
import type { InvalidReason } from '../../identity/reasons.js';
import type { ForwardedIdentities } from '../../identity/forwarding/forwarded-identity.js';
import { decodeUnverifiedJws, signingInputOf, type UnverifiedJws } from '../../identity/unverified-jws.js';
import { fingerprintSecret } from '../../identity/secret/secret-fingerprint.js';
import { verdictScopeOf } from '../../identity/verdict-scope.js';
import type { TokenType } from '../../principal.js';
import { OAuth2Client } from '../endpoints/oauth2-client.js';
import type { VerificationChoice } from '../options/oauth2-options.js';
import type { ProviderQuirks } from '../options/resolve-oauth2-options.js';
import type { OAuth2Settings } from '../endpoints/oauth2-settings.js';
import type { ProofsOfPossession } from '../../identity/proof-of-possession.js';
import { isSameIssuer } from '../../identity/urls.js';
import { exchangeCode, refreshTokens, revokeTokens } from '../endpoints/token-endpoint.js';
import { askForAccount } from '../verification/userinfo.js';
import { isVerificationMethod, type TokenVerification } from '../verification/verification-method.js';

/** Settings of sign-in, client authentication and the end of a grant: no verdict depends on them. */
const NOT_DECIDING: readonly (keyof OAuth2Settings)[] = [
  'clientAuthentication',
  'redirectUri',
  'postLogoutRedirectUri',
  'backchannelLogout',
  'scopes',
  'applicationScopes',
  'authorizationParameters',
  'pushedAuthorizationRequests',
  'tokenParameters',
  'refresh',
  'applicationParameters',
  'sendsStateAndScopeWithCode',
  'revokeAccessToken',
];

/** Narrows a provider to its OAuth 2.0 class. @throws NowggConfigurationError when it is another kind of provider */
export function oauth2ProviderOf(provider: IdentityProvider): OAuth2IdentityProvider {
  if (provider instanceof OAuth2IdentityProvider) return provider;
  throw new NowggConfigurationError('this identity provider is not a standard OAuth 2.0 system');
}

/** One client at one standard OAuth 2.0 / OpenID Connect system. Accepts access tokens only, never an id_token. */
export class OAuth2IdentityProvider extends IdentityProvider {
  override readonly name: string;
  override readonly clientKey: string;
  override readonly verdictScope: string;
  override readonly tokenTypes: readonly TokenType[] = ['token'];
  readonly client: OAuth2Client;
  readonly #forJwt: TokenVerification;
  readonly #jwtIsLocal: boolean;
  /** Undefined when only JWTs can be verified. */
  readonly #forOpaque: TokenVerification | undefined;
  readonly #forwarding: ForwardedIdentities | undefined;
  readonly #refreshTokenIdle: RefreshTokenIdle | undefined;

  constructor(
    settings: OAuth2Settings,
    verification: VerificationChoice,
    context: IdentityProviderContext,
    quirks: Pick<ProviderQuirks, 'forwarding' | 'refreshTokenIdle'> = {},
  ) {
    super();
    this.client = new OAuth2Client(settings, context);
    this.#forwarding = quirks.forwarding?.(this.client);
    this.#refreshTokenIdle = quirks.refreshTokenIdle;
    this.name = settings.name;
    this.clientKey = this.client.clientKey;
    this.verdictScope = scopeOf(settings, verification, context);
    if (isVerificationMethod(verification)) {
      this.#forJwt = verification.create(this.client);
      this.#jwtIsLocal = verification.local;
      this.#forOpaque = verification.jwtOnly ? undefined : this.#forJwt;
    } else {
      this.#forJwt = verification.jwt.create(this.client);
      this.#jwtIsLocal = verification.jwt.local;
      this.#forOpaque = verification.opaque.create(this.client);
    }
  }

  override get address(): string {
    return this.client.settings.issuer;
  }

  override get forwarding(): ForwardedIdentities | undefined {
    return this.#forwarding;
  }

  override get refreshTokenIdle(): RefreshTokenIdle | undefined {
    return this.#refreshTokenIdle;
  }

  override get proofs(): ProofsOfPossession | undefined {
    return this.#forJwt.proofs ?? this.#forOpaque?.proofs;
  }

  override get acceptsBareCodes(): boolean {
    const { redirectUri, acceptCodesAtLogin } = this.client.settings;
    return redirectUri === undefined || acceptCodesAtLogin;
  }

  override get needsRefreshToken(): boolean {
    return this.client.settings.refresh === 'required';
  }

  override secretFingerprint(key: Uint8Array): string {
    const { clientSecret, clientPrivateKey } = this.client.settings;
    const secret = clientSecret ?? clientPrivateKey?.key;
    return secret === undefined ? '' : fingerprintSecret(key, this.clientKey, secret);
  }

  override get isLocal(): boolean {
    return this.#jwtIsLocal && this.#forOpaque === undefined;
  }

  override async checkAtStart(): Promise<void> {
    await this.client.checkEndpoints();
  }

  /** Compares the issuer, and the client if the token names one. `aud` names an API, which the verification checks. */
  override recognises({ claims }: UnverifiedJws): boolean {
    const { issuer, clientId } = this.client.settings;
    const isIssuer = typeof claims.iss === 'string' && isSameIssuer(claims.iss, issuer);
    const named = claims.client_id ?? claims.azp;
    return (
      isIssuer && (named === undefined || named === clientId || readAudience(claims.aud)?.includes(clientId) === true)
    );
  }

  override inspect(jws: UnverifiedJws | undefined, nowMs: number): Inspection {
    if (!jws) {
      return this.#forOpaque ? { action: 'ask', tokenType: 'token' } : { action: 'refuse', reason: 'invalid_token' };
    }
    const { iss } = jws.claims;
    // The token of another system is not sent to this one.
    if (typeof iss === 'string' && !isSameIssuer(iss, this.client.settings.issuer)) {
      return { action: 'refuse', reason: 'invalid_token' };
    }
    const expiresAtMs = readTimeClaim(jws.claims.exp);
    if (expiresAtMs !== undefined && expiresAtMs + this.client.clockSkewMs < nowMs) {
      return { action: 'refuse', reason: 'expired_token' };
    }
    return { action: 'ask', tokenType: 'token', local: this.#jwtIsLocal };
  }

  /**
   * The identity of a JWS that is verified in this process is its signing input: another encoding of the signature, or
   * the second valid ECDSA signature of the same text, is the same token. Any other token's identity is its whole text.
   */
  override credentialIdOf(token: string): string {
    const isVerifiedHere = this.#jwtIsLocal && (this.#forOpaque === undefined || decodeUnverifiedJws(token));
    return super.credentialIdOf((isVerifiedHere ? signingInputOf(token) : undefined) ?? token);
  }

  override misconfigurationOf(token: string, reason: InvalidReason): string | undefined {
    if (reason !== 'invalid_token' && reason !== 'wrong_client' && reason !== 'wrong_token_type') return undefined;
    return this.#verificationOf(token).explain?.(token, reason);
  }

  override verify(token: string, tokenType: TokenType, signal: AbortSignal): Promise<IdentityVerdict> {
    if (tokenType !== 'token') {
      return Promise.resolve({ status: 'invalid', reason: 'wrong_token_type', independentOfClient: true });
    }
    return this.#verificationOf(token).verify(token, signal);
  }

  #verificationOf(token: string): TokenVerification {
    // A single method checks the format itself; decoding the token here as well would cost as much as all the rest.
    const forOpaque = this.#forOpaque ?? this.#forJwt;
    return forOpaque === this.#forJwt || decodeUnverifiedJws(token) ? this.#forJwt : forOpaque;
  }

  override async exchangeCode(request: CodeExchangeRequest): Promise<TokenOutcome> {
    return exchangeCode(this.client, request);
  }

  override async refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome> {
    const outcome = await refreshTokens(this.client, refreshToken, signal);
    if (outcome.status !== 'tokens' || this.#namesUserBySubject) return outcome;
    const { subject: _anotherName, ...tokens } = outcome.tokens;
    return { ...outcome, tokens };
  }

  override async getUserInfo(token: string, signal: AbortSignal): Promise<InfoOutcome<NowggUserInfo>> {
    return askForAccount(this.client, token, signal);
  }

  override contradicts(jws: UnverifiedJws, grant: { userId: string }): boolean {
    const { iss, sub } = jws.claims;
    // Where another field names the user, a different `sub` says nothing.
    const namesAnother = this.#forJwt.namesUserBySubject !== false && sub !== undefined && sub !== grant.userId;
    const isForAnother = typeof iss === 'string' && !this.recognises(jws);
    return namesAnother || isForAnother;
  }

  /** Whether the user of every grant is the `sub` of its tokens, whichever method verified them. */
  get #namesUserBySubject(): boolean {
    return this.#forJwt.namesUserBySubject !== false && this.#forOpaque?.namesUserBySubject !== false;
  }

  override async revoke(refreshToken: string, signal: AbortSignal, accessToken?: string): Promise<boolean> {
    return revokeTokens(this.client, { refreshToken, accessToken }, signal);
  }
}

function scopeOf(
  settings: OAuth2Settings,
  verification: VerificationChoice,
  { clockSkewMs }: IdentityProviderContext,
): string {
  const deciding = { ...settings, kind: 'oauth2', verification: describe(verification), clockSkewMs };
  return verdictScopeOf(deciding, NOT_DECIDING);
}

/** Describes methods by their names and settings. */
function describe(choice: VerificationChoice): object {
  if (isVerificationMethod(choice)) return { method: choice.kind, settings: choice.settings };
  return { jwt: describe(choice.jwt), opaque: describe(choice.opaque) };
}
