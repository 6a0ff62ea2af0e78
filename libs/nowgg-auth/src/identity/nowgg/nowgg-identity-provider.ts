import { hash } from 'node:crypto';
import { isJsonObject, ownProperty, readAudience, readTimeClaim } from '../claims.js';
import type { NowggSessionInfo, NowggUserInfo } from '../account-info.js';
import {
  IdentityProvider,
  type CodeExchangeRequest,
  type IdentityProviderContext,
  type IdentityVerdict,
  type InfoOutcome,
  type Inspection,
  type TokenOutcome,
} from '../identity-provider.js';
import { ClientSecrets, secretsOf } from '../secret/client-secrets.js';
import { withoutTrailingSlash } from '../urls.js';
import { decodeUnverifiedJws, type UnverifiedJws } from '../unverified-jws.js';
import { verdictScopeOf } from '../verdict-scope.js';
import type { TokenFacts, TokenType } from '../../principal.js';
import { accountRequest, readAccountReply, readSessionInfo, readUserInfo } from './account-endpoints.js';
import { NOWGG_BASE_URL, NOWGG_ISSUER, type NowggProviderOptions } from './nowgg-options.js';
import { fingerprintSecret } from '../secret/secret-fingerprint.js';
import { agreesWithToken } from '../token-agreement.js';
import { readTokenReply, tokenRequest, type NowggCredential } from './token-endpoint.js';
import {
  judgeClaims,
  kindOf,
  readVerifyTokenReply,
  statesAllClaims,
  verifyTokenRequest,
  type NowggClient,
} from './verify-token.js';

/** A token, and what it says about itself if that can be read. */
interface AskedToken {
  readonly token: string;
  readonly tokenType: TokenType;
  readonly jws: UnverifiedJws | undefined;
}

/** One client at now.gg's User Account Service. Uses its proprietary JSON API over the shared hardened HTTP client. */
export class NowggIdentityProvider extends IdentityProvider {
  override readonly name: string;
  override readonly clientKey: string;
  override readonly verdictScope: string;
  override readonly tokenTypes: readonly TokenType[];
  readonly #client: NowggClient;
  readonly #secrets: ClientSecrets;
  readonly #context: IdentityProviderContext;

  constructor(options: NowggProviderOptions & { readonly name: string }, context: IdentityProviderContext) {
    super();
    const baseUrl = withoutTrailingSlash(options.baseUrl ?? NOWGG_BASE_URL);
    this.name = options.name;
    this.clientKey = hash('sha256', JSON.stringify([baseUrl, options.clientId]), 'base64url');
    this.#secrets = new ClientSecrets(secretsOf(options.clientSecret), context.clock);
    this.tokenTypes = this.#secrets.exist ? ['token', 'id_token'] : ['id_token'];
    this.#client = {
      provider: this.name,
      clientKey: this.clientKey,
      baseUrl,
      issuer: options.issuer ?? NOWGG_ISSUER,
      clientId: options.clientId,
    };
    this.#context = context;
    const { tokenTypes } = this;
    const { clockSkewMs } = context;
    this.verdictScope = verdictScopeOf({ ...this.#client, kind: 'nowgg', tokenTypes, clockSkewMs });
  }

  override get address(): string {
    return this.#client.baseUrl;
  }

  override get canObtainTokens(): boolean {
    return this.#secrets.exist;
  }

  override doubtSecret(): void {
    this.#secrets.doubt();
  }

  /** now.gg has no other way to verify a token than to ask, and answers for one token each time. */
  override get confidenceGrows(): boolean {
    return true;
  }

  override sendsSecretFor(tokenType: TokenType): boolean {
    return tokenType === 'token' && this.#secrets.exist;
  }

  override secretFingerprint(key: Uint8Array): string {
    const { current } = this.#secrets;
    return current === undefined ? '' : fingerprintSecret(key, this.clientKey, current);
  }

  override recognises(jws: UnverifiedJws): boolean {
    return (
      jws.claims.iss === this.#client.issuer && readAudience(jws.claims.aud)?.includes(this.#client.clientId) === true
    );
  }

  override inspect(jws: UnverifiedJws | undefined, nowMs: number): Inspection {
    if (!jws) return { action: 'ask', tokenType: undefined };
    const audience = readAudience(jws.claims.aud);
    if (audience && !audience.includes(this.#client.clientId)) return { action: 'refuse', reason: 'wrong_client' };
    const expiresAtMs = readTimeClaim(jws.claims.exp);
    if (expiresAtMs !== undefined && expiresAtMs + this.#context.clockSkewMs < nowMs) {
      return { action: 'refuse', reason: 'expired_token' };
    }
    return { action: 'ask', tokenType: kindOf(jws.claims) };
  }

  override async verify(
    token: string,
    tokenType: TokenType,
    signal: AbortSignal,
    jws: UnverifiedJws | undefined = decodeUnverifiedJws(token),
  ): Promise<IdentityVerdict> {
    const asked = { token, tokenType, jws };
    return this.sendsSecretFor(tokenType)
      ? this.#verifyWithSecrets(asked, signal, false)
      : this.#verify(asked, undefined, signal);
  }

  override async verifyAccepted(token: string, tokenType: TokenType, signal: AbortSignal): Promise<IdentityVerdict> {
    if (!this.sendsSecretFor(tokenType)) return this.verify(token, tokenType, signal);
    return this.#verifyWithSecrets({ token, tokenType, jws: decodeUnverifiedJws(token) }, signal, true);
  }

  /** @param wasAccepted whether the token was accepted before: a refusal of any other may be about the token alone */
  async #verifyWithSecrets(asked: AskedToken, signal: AbortSignal, wasAccepted: boolean): Promise<IdentityVerdict> {
    const { jws } = asked;
    // Only the refusal of a token that may be one of ours may be about the secret.
    const mayBeOurs = wasAccepted || (jws !== undefined && this.recognises(jws));
    const answer = await this.#secrets.ask<IdentityVerdict>(async (secret) => {
      const verdict = await this.#verify(asked, secret, signal);
      if (verdict.status === 'valid') return { answer: verdict, secret: 'accepted' };
      const isRefused = verdict.status === 'invalid' && verdict.reason === 'invalid_token' && !verdict.isOwnFinding;
      return { answer: verdict, secret: isRefused && mayBeOurs ? 'refused' : 'unknown' };
    }, wasAccepted);
    return answer === 'undecided' ? { status: 'unknown', reason: 'own_credentials_suspect' } : answer;
  }

  async #verify(
    { token, tokenType, jws }: AskedToken,
    clientSecret: string | undefined,
    signal: AbortSignal,
  ): Promise<IdentityVerdict> {
    const { http, clock } = this.#context;
    const outcome = await http.send(verifyTokenRequest({ ...this.#client, clientSecret }, token, tokenType, signal));
    if (outcome.status === 'failed') return { status: 'unknown', reason: outcome.reason };
    const verdict = readVerifyTokenReply(this.#client, tokenType, outcome, clock.now());
    const decoded = ownProperty(outcome.json, 'decodedData');
    if (isJsonObject(decoded) && !agreesWithToken(jws, decoded)) {
      outcome.drop();
      return { status: 'unknown', reason: 'mismatched_reply' };
    }
    return verdict;
  }

  override async exchangeCode(request: CodeExchangeRequest): Promise<TokenOutcome> {
    return this.#askForTokens({ code: request.code }, request.signal);
  }

  override async refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome> {
    return this.#askForTokens({ refreshToken }, signal);
  }

  override async getUserInfo(token: string, signal: AbortSignal): Promise<InfoOutcome<NowggUserInfo>> {
    const outcome = await this.#context.http.send(accountRequest(this.#client, 'userinfo', token, signal));
    const reading = readAccountReply(outcome, 'userData', readUserInfo);
    if (reading.status === 'info' && !agreesWithToken(decodeUnverifiedJws(token), { userId: reading.info.userId })) {
      if (outcome.status === 'reply') outcome.drop();
      return { status: 'unknown', reason: 'mismatched_reply' };
    }
    return reading;
  }

  override async getSessionInfo(token: string, signal: AbortSignal): Promise<InfoOutcome<NowggSessionInfo>> {
    const outcome = await this.#context.http.send(accountRequest(this.#client, 'sessioninfo', token, signal));
    return readAccountReply(outcome, 'sessionData', readSessionInfo);
  }

  override contradicts({ claims }: UnverifiedJws, grant: { userId: string }): boolean {
    const audience = readAudience(claims.aud);
    const userId = ownProperty(claims, 'userId') ?? grant.userId;
    return (audience !== undefined && !audience.includes(this.#client.clientId)) || userId !== grant.userId;
  }

  override factsOfIssued(
    token: string,
    grant: { readonly userId: string; readonly sessionId: string | undefined },
  ): TokenFacts | undefined {
    const jws = decodeUnverifiedJws(token);
    if (!jws || !statesAllClaims(jws.claims)) return undefined;
    const verdict = judgeClaims(this.#client, 'token', jws.claims, this.#context.clock.now());
    if (verdict.status !== 'valid') return undefined;
    const { userId, sessionId } = verdict.facts;
    return userId === grant.userId && sessionId !== undefined && sessionId === grant.sessionId
      ? verdict.facts
      : undefined;
  }

  async #askForTokens(credential: NowggCredential, signal: AbortSignal): Promise<TokenOutcome> {
    // The token endpoint requires a secret: the configuration is at fault, not the player's grant.
    if (!this.#secrets.exist) return { status: 'client_refused' };
    const answer = await this.#secrets.ask<TokenOutcome>(async (clientSecret) => {
      const request = tokenRequest({ ...this.#client, clientSecret }, credential, signal);
      const outcome = readTokenReply(credential, await this.#context.http.send(request), this.#context.clock.now());
      if (outcome.status === 'tokens') return { answer: outcome, secret: 'accepted' };
      return { answer: outcome, secret: outcome.status === 'refused' ? 'refused' : 'unknown' };
    });
    return answer === 'undecided' ? { status: 'not_sent', reason: 'own_credentials_suspect' } : answer;
  }
}
