import { randomUUID } from 'node:crypto';
import type { EmulatorClock } from '../emulator-clock.js';
import type { ResolvedOptions } from '../options.js';
import { CodeStore } from './codes.js';
import type { IssuedSecret } from './issue-ledger.js';
import { IssueLedger } from './issue-ledger.js';
import type {
  IssueCodeRequest,
  IssuedTokens,
  IssueIdTokenRequest,
  IssueTokensRequest,
  RefreshedTokens,
  TokenCheck,
} from './issuing.js';
import { PlayerStore } from './players.js';
import { Revocations } from './revocations.js';
import type { EmulatedSession } from './sessions.js';
import type { FreshRefreshToken } from './sessions.js';
import { SessionStore } from './sessions.js';
import type { IdTokenClaims, TokenClaims } from './token-mint.js';
import { fingerprint, TokenMint } from './token-mint.js';

/** The account system behind the endpoints: clients, players, codes, sessions and tokens, all in memory. */
export class EmulatedAccounts {
  readonly players = new PlayerStore();
  readonly sessions: SessionStore;
  readonly #codes: CodeStore;
  readonly #mint = new TokenMint();
  readonly #clients: Map<string, string>;
  readonly #defaultClientId: string;
  readonly #revocations = new Revocations();
  readonly #banned = new Set<string>();
  readonly #ledger: IssueLedger;
  /** Lifetime of tokens and id_tokens that are issued from now on. */
  #tokenLifetimeSeconds: number;
  readonly #clock: EmulatorClock;
  readonly #options: ResolvedOptions;

  constructor(options: ResolvedOptions, clock: EmulatorClock) {
    this.#options = options;
    this.#clock = clock;
    this.#clients = clientsOf(options);
    this.#defaultClientId = options.clients[0]?.clientId ?? '';
    this.sessions = new SessionStore(clock, options);
    this.#codes = new CodeStore(clock, options.codeLifetimeSeconds);
    this.#ledger = new IssueLedger(clock, this.#codes, this.sessions, this.#revocations);
    this.#tokenLifetimeSeconds = options.tokenLifetimeSeconds;
    this.#seed();
  }

  get defaultClientId(): string {
    return this.#defaultClientId;
  }

  get tokenLifetimeSeconds(): number {
    return this.#tokenLifetimeSeconds;
  }

  /** Lifetime of tokens issued from now on. @throws TypeError unless it is a number of at least one second */
  set tokenLifetimeSeconds(seconds: number) {
    if (!(seconds >= 1 && seconds <= 1e9)) throw new TypeError('the lifetime of tokens must be 1 to 1e9 seconds');
    this.#tokenLifetimeSeconds = seconds;
  }

  /** The latest codes and tokens, oldest first. */
  issued(limit?: number): readonly IssuedSecret[] {
    return this.#ledger.latest(limit);
  }

  hasClient(clientId: string): boolean {
    return this.#clients.has(clientId);
  }

  isClientSecret(clientId: string, clientSecret: string): boolean {
    return this.#clients.get(clientId) === clientSecret;
  }

  /** Returns false when there is no such client. */
  setClientSecret(clientId: string, clientSecret: string): boolean {
    if (!this.#clients.has(clientId)) return false;
    this.#clients.set(clientId, clientSecret);
    return true;
  }

  /** @throws Error for an unknown player or client. */
  issueCode(request: IssueCodeRequest = {}): string {
    if (request.code === '') throw new Error('code must not be empty');
    const subject = this.#subjectOf(request);
    const { code, expiresAtMs } = this.#codes.issue(subject, request.code);
    this.#ledger.add('code', code, subject, expiresAtMs);
    return code;
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
    const idToken = this.#mint.sign({ iss: this.#options.issuer, ...claims });
    this.#ledger.add('id_token', idToken, { userId, clientId }, exp * 1000, this.#mint.sequence);
    return idToken;
  }

  /** Exchanges a code for tokens; undefined when the code is unknown, used, too old or another client's. */
  redeemCode(code: string, clientId: string): IssuedTokens | undefined {
    const subject = this.#codes.redeem(code, clientId);
    return subject && this.#openSession(this.sessions.start(subject));
  }

  /** Issues a new token; undefined when the refresh token is unknown, revoked, too old or another client's. */
  refresh(refreshToken: string, clientId: string): RefreshedTokens | undefined {
    const refreshed = this.sessions.refresh(refreshToken, clientId);
    if (!refreshed) return undefined;
    const { token, tokenExpiresAtMs } = this.#signToken(refreshed.session);
    if (!refreshed.next) return { token, tokenExpiresAtMs };
    const { refreshToken: next, expiresAtMs } = this.#enter(refreshed.next, refreshed.session);
    return { token, tokenExpiresAtMs, refreshToken: next, refreshTokenExpiresAtMs: expiresAtMs };
  }

  /** Checks a `token`; with a client id also that it was issued for that client. */
  checkToken(token: string, clientId?: string): TokenCheck<TokenClaims> {
    return this.#check(token, 'token', clientId) as TokenCheck<TokenClaims>;
  }

  /** Checks an `id_token` of the client. */
  checkIdToken(token: string, clientId: string): TokenCheck<IdTokenClaims> {
    return this.#check(token, 'id_token', clientId) as TokenCheck<IdTokenClaims>;
  }

  /** The player to whom a code or token was issued, whether or not it is still valid. */
  ownerOf(secret: string): string | undefined {
    const key = fingerprint(secret);
    return this.#codes.ownerOf(key) ?? this.sessions.ownerOf(key) ?? this.#mint.read(secret)?.claims.userId;
  }

  /** Revokes a token or id_token. Returns whether this emulator issued it. */
  revokeToken(token: string): boolean {
    if (!this.#mint.read(token)) return false;
    this.#revocations.addToken(fingerprint(token));
    return true;
  }

  /** Ends one code or token by its `id` in {@link issued}. Returns false when it is not among the latest. */
  revokeIssued(id: string): boolean {
    return this.#ledger.revoke(id);
  }

  /** Ends all tokens, id_tokens, refresh tokens and codes that the player has so far. The player can sign in again. */
  revokePlayer(userId: string): boolean {
    if (!this.players.find(userId)) return false;
    this.#revocations.addPlayer(userId, this.#mint.sequence);
    this.sessions.revokePlayer(userId);
    this.#codes.revokePlayer(userId);
    return true;
  }

  /**
   * Bans a player, or lifts the ban. A ban ends all codes and tokens of the player and permits no new sign-in until it
   * is lifted. Returns false when there is no such player.
   */
  setBanned(userId: string, banned: boolean): boolean {
    if (!this.players.find(userId)) return false;
    if (!banned) this.#banned.delete(userId);
    else if (this.revokePlayer(userId)) this.#banned.add(userId);
    return true;
  }

  isBanned(userId: string): boolean {
    return this.#banned.has(userId);
  }

  get bannedPlayers(): readonly string[] {
    return [...this.#banned];
  }

  /** Resets to the state at the start: seeded players only; nothing issued before is recognised. */
  reset(): void {
    this.#mint.reset();
    this.#codes.clear();
    this.sessions.clear();
    this.#revocations.clear();
    this.#banned.clear();
    this.#ledger.clear();
    this.#tokenLifetimeSeconds = this.#options.tokenLifetimeSeconds;
    for (const [clientId, clientSecret] of clientsOf(this.#options)) this.#clients.set(clientId, clientSecret);
    this.players.clear();
    this.#seed();
  }

  #check(token: string, kind: 'token' | 'id_token', clientId?: string): TokenCheck<TokenClaims | IdTokenClaims> {
    const read = this.#mint.read(token);
    if (!read || read.kind !== kind) return { status: 'invalid' };
    const { claims, sequence } = read;
    if (clientId !== undefined && claims.aud !== clientId) return { status: 'invalid' };
    if (claims.exp <= this.#clock.nowSeconds()) return { status: 'expired' };
    if (this.#revocations.coverPlayer(claims.userId, sequence)) return { status: 'invalid' };
    if ('sessionId' in claims && this.sessions.find(claims.sessionId)?.revoked !== false) return { status: 'invalid' };
    if (this.#revocations.haveTokens && this.#revocations.coverToken(fingerprint(token))) return { status: 'invalid' };
    return { status: 'valid', claims };
  }

  #openSession(session: EmulatedSession, lifetimeSeconds?: number): IssuedTokens {
    const { refreshToken, expiresAtMs } = this.#enter(this.sessions.issueRefreshToken(session), session);
    const { sessionId, userId, clientId } = session;
    const signed = this.#signToken(session, lifetimeSeconds);
    return { ...signed, refreshToken, refreshTokenExpiresAtMs: expiresAtMs, sessionId, userId, clientId };
  }

  #signToken(session: EmulatedSession, lifetimeSeconds?: number) {
    const { sessionId, userId, clientId, scope } = session;
    const { iat, exp } = this.#lifeFromNow(lifetimeSeconds);
    const tokenId = randomUUID();
    const claims = { iss: this.#options.issuer, tokenId, aud: clientId, sessionId, userId, scope, iat, exp };
    const token = this.#mint.sign(claims);
    this.#ledger.add('token', token, session, exp * 1000, this.#mint.sequence);
    return { token, tokenId, tokenExpiresAtMs: exp * 1000 };
  }

  #enter(fresh: FreshRefreshToken, session: EmulatedSession): FreshRefreshToken {
    this.#ledger.add('refresh_token', fresh.refreshToken, session, fresh.expiresAtMs);
    return fresh;
  }

  #lifeFromNow(lifetimeSeconds = this.#tokenLifetimeSeconds): { iat: number; exp: number } {
    const now = this.#clock.nowSeconds();
    const exp = now + Math.floor(lifetimeSeconds);
    // A token that is issued as expired gets an issue time one usual lifetime before its end, as a kept token has.
    return { iat: exp > now ? now : exp - Math.ceil(this.#tokenLifetimeSeconds), exp };
  }

  #subjectOf({ userId, clientId = this.#defaultClientId, scope = 'email' }: IssueCodeRequest) {
    if (!this.#clients.has(clientId)) throw new Error('there is no such client');
    const player = this.players.get(userId);
    if (this.#banned.has(player.userId)) throw new Error('this player is banned');
    return { userId: player.userId, clientId, scope };
  }

  #seed(): void {
    for (const player of this.#options.players) this.players.add(player);
  }
}

function clientsOf({ clients }: ResolvedOptions): Map<string, string> {
  return new Map(clients.map(({ clientId, clientSecret }) => [clientId, clientSecret]));
}
