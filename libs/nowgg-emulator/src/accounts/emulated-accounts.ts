import { randomUUID } from 'node:crypto';
import type { EmulatorClock } from '../emulator-clock.js';
import type { ResolvedOptions } from '../options.js';
import { CodeStore } from './codes.js';
import { PlayerStore } from './players.js';
import type { EmulatedSession } from './sessions.js';
import { SessionStore } from './sessions.js';
import type { IdTokenClaims, TokenClaims } from './token-mint.js';
import { fingerprint, TokenMint } from './token-mint.js';

/** Whose code or token to make. Without `userId` the first player, without `clientId` the first client. */
export interface IssueRequest {
  userId?: string | undefined;
  clientId?: string | undefined;
}

/** @see IssueRequest */
export interface IssueCodeRequest extends IssueRequest {
  /** The `scope` claim of the tokens that the code will give, default `email`. */
  scope?: string | undefined;
}

/** @see IssueRequest */
export interface IssueTokensRequest extends IssueCodeRequest {
  /** Life of this token in seconds; zero or negative makes one that has expired already. Refreshed ones live as usual. */
  lifetimeSeconds?: number | undefined;
}

/** @see IssueRequest */
export interface IssueIdTokenRequest extends IssueRequest {
  /** When the player signed in, epoch seconds; default now. */
  authTime?: number | undefined;
  /** Life of this id_token in seconds; zero or negative makes one that has expired already. */
  lifetimeSeconds?: number | undefined;
}

/** A token set as the token endpoint hands it out, with the ids that its token bears. Times are epoch milliseconds. */
export interface IssuedTokens {
  readonly token: string;
  readonly tokenId: string;
  readonly tokenExpiresAtMs: number;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAtMs: number;
  readonly sessionId: string;
  readonly userId: string;
  readonly clientId: string;
}

/** What comes of a refresh: a refresh token only when they rotate. */
export type RefreshedTokens = Pick<IssuedTokens, 'token' | 'tokenExpiresAtMs'> &
  Partial<Pick<IssuedTokens, 'refreshToken' | 'refreshTokenExpiresAtMs'>>;

/** The answer to "is this token good?": its claims, or one of the two documented refusals. */
export type TokenCheck<Claims> =
  | { readonly status: 'valid'; readonly claims: Claims }
  | { readonly status: 'expired' }
  | { readonly status: 'invalid' };

/** The account system behind the endpoints: clients, players, codes, sessions and tokens, all in memory. */
export class EmulatedAccounts {
  readonly players = new PlayerStore();
  readonly sessions: SessionStore;
  readonly #codes: CodeStore;
  readonly #mint = new TokenMint();
  readonly #clients: ReadonlyMap<string, string>;
  readonly #defaultClientId: string;
  readonly #revokedTokens = new Set<string>();
  /** By user id: the sequence up to which all tokens of the player are revoked. */
  readonly #revokedUpTo = new Map<string, number>();
  readonly #clock: EmulatorClock;
  readonly #options: ResolvedOptions;

  constructor(options: ResolvedOptions, clock: EmulatorClock) {
    this.#options = options;
    this.#clock = clock;
    this.#clients = new Map(options.clients.map(({ clientId, clientSecret }) => [clientId, clientSecret]));
    this.#defaultClientId = options.clients[0]?.clientId ?? '';
    this.sessions = new SessionStore(clock, options);
    this.#codes = new CodeStore(clock, options.codeLifetimeSeconds);
    this.#seed();
  }

  hasClient(clientId: string): boolean {
    return this.#clients.has(clientId);
  }

  isClientSecret(clientId: string, clientSecret: string): boolean {
    return this.#clients.get(clientId) === clientSecret;
  }

  /** @throws Error for an unknown player or client. */
  issueCode(request: IssueCodeRequest = {}): string {
    return this.#codes.issue(this.#subjectOf(request));
  }

  /** Signs a player in without a code. @throws Error for an unknown player or client. */
  issueTokens(request: IssueTokensRequest = {}): IssuedTokens {
    return this.#openSession(this.sessions.start(this.#subjectOf(request)), request.lifetimeSeconds);
  }

  /** @throws Error for an unknown player or client. */
  issueIdToken(request: IssueIdTokenRequest = {}): string {
    const { userId, clientId } = this.#subjectOf(request);
    const { sub, email, mobile, name, picture, countryCode } = this.players.get(userId);
    const { iat, exp } = this.#lifeFromNow(request.lifetimeSeconds);
    const auth_time = request.authTime ?? iat;
    const claims = { sub, aud: clientId, exp, iat, auth_time, email, mobile, userId, name, picture, countryCode };
    return this.#mint.sign({ iss: this.#options.issuer, ...claims });
  }

  /** Undefined when the code is unknown, used, too old or another client's. */
  redeemCode(code: string, clientId: string): IssuedTokens | undefined {
    const subject = this.#codes.redeem(code, clientId);
    return subject && this.#openSession(this.sessions.start(subject));
  }

  /** Undefined when the refresh token is unknown, revoked, too old or another client's. */
  refresh(refreshToken: string, clientId: string): RefreshedTokens | undefined {
    const refreshed = this.sessions.refresh(refreshToken, clientId);
    if (!refreshed) return undefined;
    const { token, tokenExpiresAtMs } = this.#signToken(refreshed.session);
    if (!refreshed.next) return { token, tokenExpiresAtMs };
    const { refreshToken: next, expiresAtMs } = refreshed.next;
    return { token, tokenExpiresAtMs, refreshToken: next, refreshTokenExpiresAtMs: expiresAtMs };
  }

  /** Checks a `token`; with a client id also that it was made for that client. */
  checkToken(token: string, clientId?: string): TokenCheck<TokenClaims> {
    return this.#check(token, 'token', clientId) as TokenCheck<TokenClaims>;
  }

  /** Checks an `id_token` of the client. */
  checkIdToken(token: string, clientId: string): TokenCheck<IdTokenClaims> {
    return this.#check(token, 'id_token', clientId) as TokenCheck<IdTokenClaims>;
  }

  /** Whether it was a token or id_token of this emulator. */
  revokeToken(token: string): boolean {
    if (!this.#mint.read(token)) return false;
    this.#revokedTokens.add(fingerprint(token));
    return true;
  }

  /** Ends all that the player has so far: tokens, id_tokens, refresh tokens, codes. Signing in again works. */
  revokePlayer(userId: string): boolean {
    if (!this.players.find(userId)) return false;
    this.#revokedUpTo.set(userId, this.#mint.sequence);
    this.sessions.revokePlayer(userId);
    this.#codes.revokePlayer(userId);
    return true;
  }

  /** Back to the first moment: seeded players only, nothing issued before is recognised. */
  reset(): void {
    this.#mint.reset();
    this.#codes.clear();
    this.sessions.clear();
    this.#revokedTokens.clear();
    this.#revokedUpTo.clear();
    this.players.clear();
    this.#seed();
  }

  #check(token: string, kind: 'token' | 'id_token', clientId?: string): TokenCheck<TokenClaims | IdTokenClaims> {
    const read = this.#mint.read(token);
    if (!read || read.kind !== kind) return { status: 'invalid' };
    const { claims, sequence } = read;
    if (clientId !== undefined && claims.aud !== clientId) return { status: 'invalid' };
    if (claims.exp <= this.#clock.nowSeconds()) return { status: 'expired' };
    if (sequence <= (this.#revokedUpTo.get(claims.userId) ?? 0)) return { status: 'invalid' };
    if ('sessionId' in claims && this.sessions.find(claims.sessionId)?.revoked !== false) return { status: 'invalid' };
    if (this.#revokedTokens.size > 0 && this.#revokedTokens.has(fingerprint(token))) return { status: 'invalid' };
    return { status: 'valid', claims };
  }

  #openSession(session: EmulatedSession, lifetimeSeconds?: number): IssuedTokens {
    const { refreshToken, expiresAtMs } = this.sessions.issueRefreshToken(session);
    const { sessionId, userId, clientId } = session;
    const signed = this.#signToken(session, lifetimeSeconds);
    return { ...signed, refreshToken, refreshTokenExpiresAtMs: expiresAtMs, sessionId, userId, clientId };
  }

  #signToken(session: EmulatedSession, lifetimeSeconds?: number) {
    const { sessionId, userId, clientId, scope } = session;
    const { iat, exp } = this.#lifeFromNow(lifetimeSeconds);
    const tokenId = randomUUID();
    const claims = { iss: this.#options.issuer, tokenId, aud: clientId, sessionId, userId, scope, iat, exp };
    return { token: this.#mint.sign(claims), tokenId, tokenExpiresAtMs: exp * 1000 };
  }

  #lifeFromNow(lifetimeSeconds = this.#options.tokenLifetimeSeconds): { iat: number; exp: number } {
    const now = this.#clock.nowSeconds();
    const exp = now + Math.floor(lifetimeSeconds);
    // One that is born expired was issued a usual life before its end, as a token that somebody kept would have been.
    return { iat: exp > now ? now : exp - Math.ceil(this.#options.tokenLifetimeSeconds), exp };
  }

  #subjectOf({ userId, clientId = this.#defaultClientId, scope = 'email' }: IssueCodeRequest) {
    if (!this.#clients.has(clientId)) throw new Error('there is no such client');
    return { userId: this.players.get(userId).userId, clientId, scope };
  }

  #seed(): void {
    for (const player of this.#options.players) this.players.add(player);
  }
}
