import type { BeforeApplicationShutdown, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import {
  GrantInDoubtError,
  IdentityUnavailableError,
  InvalidGrantError,
  InvalidTokenError,
  NowggAuthError,
  NowggConfigurationError,
  ReauthenticationRequiredError,
  SessionSupersededError,
} from '../errors.js';
import { DEFAULTS } from '../options/defaults.js';
import { isIdentifier } from '../identity/claims.js';
import { type GrantRecord, grantOf, isRefreshable } from './store/grant-record.js';
import { accessTokenZone, judgeForcedRefresh, type YoungToken } from './refresh/access-token-zone.js';
import { CallerWait } from '../resilience/deadlines.js';
import { type CodeExchangeOptions, CodeExchanger, isAuthorizationCode } from './exchange/code-exchange.js';
import type { AccessToken, CodeExchange, NowggGrant } from './store/grant.js';
import { GrantRevoker } from './ending/grant-revoker.js';
import { GrantRefresher } from './refresh/grant-refresher.js';
import { checkKeys } from './vault/key-checks.js';
import { OwnGrants } from './session/own-grants.js';
import { type NowggSession, PlayerSessions } from './session/player-sessions.js';
import { deviceOfRequest, type DeviceRequest, type SessionDeviceOptions } from './exchange/session-device.js';
import { type NowggSessionProof, proofOfRequest, type ProvingRequest } from './session/presented-proof.js';
import { SessionProofs, type ProvenKey } from './session/session-proofs.js';
import { sessionHandle } from './session/session-handle.js';
import { publishSecurityEvent } from '../events/security-events.js';
import type { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import type { RefreshResult } from './refresh/refresh-result.js';
import { type NowggTokenCounters, publishTokenRead } from './events/token-events.js';
import { type NowggTokenServiceDependencies, type TokenDependencies, tokenParts } from './calls/token-dependencies.js';

export interface AccessTokenOptions {
  /** Minimum time left, in milliseconds: with less left, refreshes first. At most nine tenths of the token's life. */
  readonly minValidityMs?: number;
  /** Minimum share of the token's life left, 0 to 0.9: with less left, refreshes first. */
  readonly minLifeShare?: number;
  /**
   * The generation of a token that was refused. Refreshes first, but only if this generation is still the stored one.
   */
  readonly ifGeneration?: number;
  /** Minimum age, in milliseconds: a younger stored token is not replaced before it expires. Default 0. */
  readonly minAgeMs?: number;
  /** Ends the wait of this caller and nothing else. */
  readonly signal?: AbortSignal;
}

/** A sign-out at the identity system. */
export interface ProviderSignOutNotice {
  /** Name of the identity provider. Default: the only one. */
  readonly provider?: string;
  /** The user; without {@link sessionId}, all of their sessions. */
  readonly userId?: string;
  /** The session (`sid`) of the identity system. */
  readonly sessionId?: string;
  readonly at: Date;
}

/** What the front end says about a session handle that it presents. */
export interface SessionOpenOptions {
  /** Whether it has read its storage again after a `session_superseded`. Default false. */
  readonly reread?: boolean | undefined;
  /** The proof of the session's key: `proofOf(request)`. Needed for a session that is bound to one. */
  readonly proof?: NowggSessionProof | undefined;
  /**
   * The handoff by which a page gets the session: the proof is then made for it, and the first one settles the session's
   * key. The authorization flow fills it in.
   */
  readonly handoff?: string | undefined;
}

/** Conditions under which a requested refresh is not carried out. */
export type RefreshOptions = Pick<AccessTokenOptions, 'ifGeneration' | 'minAgeMs'>;

/**
 * Keeps players signed in: exchanges codes for grants, hands out access tokens, and refreshes them once across all
 * processes. Refresh tokens never leave the service. Do not call it inside your own transaction on a database with one
 * connection.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggTokenService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class SignIn {
 *   constructor(private readonly tokens: NowggTokenService) {}
 *
 *   async withCode(code: string) {
 *     const { accessToken, principal, session } = await this.tokens.exchangeCode(code);
 *     return { token: accessToken.token, session, userId: principal.userId };
 *   }
 * }
 * ```
 */
export class NowggTokenService implements OnApplicationBootstrap, BeforeApplicationShutdown, OnApplicationShutdown {
  readonly #parts: TokenDependencies;
  readonly #authenticator: NowggAuthenticator;
  readonly #exchanger: CodeExchanger;
  readonly #refresher: GrantRefresher;
  readonly #ending: GrantRevoker;
  readonly #grants: OwnGrants;
  readonly #sessions: PlayerSessions;
  readonly #proofs: SessionProofs;

  constructor(parts: NowggTokenServiceDependencies) {
    this.#parts = tokenParts(parts);
    this.#authenticator = parts.authenticator;
    this.#ending = new GrantRevoker(this.#parts, parts.revocations);
    this.#exchanger = new CodeExchanger(this.#parts, parts.authenticator, this.#ending);
    this.#refresher = new GrantRefresher(this.#parts, this.#ending);
    this.#proofs = new SessionProofs(this.#parts, parts.clockSkewMs ?? DEFAULTS.verification.clockSkewMs);
    this.#grants = new OwnGrants(this.#parts, this.#proofs);
    this.#sessions = new PlayerSessions(this.#parts, (grantId) => this.#ending.revoke(grantId));
  }

  /**
   * Exchanges a one-time authorization code for a grant. The same code again, at the same time or within
   * `exchangeReplayMs`, in any process, gives the same grant with one call to the identity system. Once the exchange is
   * finished, this takes the same `attemptId` or `codeVerifier`; a sign-in without either is repeated for five seconds.
   *
   * @throws SessionProofError when the proof of the key is refused, or missing where `tokens.sessions.binding` requires one:
   *   the code was not used
   * @throws InvalidRequestError when the attempt id is too short or too long
   * @throws InvalidGrantError when the code was refused or is not a code
   * @throws UserBannedError when the player is banned
   * @throws IdentityUnavailableError when the exchange could not be finished: send the same code again
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signIn(tokens: NowggTokenService, code: string) {
   *   const { accessToken, principal, session } = await tokens.exchangeCode(code);
   *   return { token: accessToken.token, session, userId: principal.userId };
   * }
   * ```
   */
  async exchangeCode(code: string, options: CodeExchangeOptions = {}): Promise<CodeExchange> {
    const wait = this.#wait();
    const key = await this.#keyOf(code, options);
    const { grant, principal, idToken } = await wait.for(this.#exchanger.exchange(code, options, key));
    const { vault, seen } = this.#parts;
    if (seen.isRevived(grant)) throw new InvalidGrantError();
    seen.note(grant);
    const session = sessionHandle(vault.ring, grant);
    const accessToken = vault.accessTokenOf(grant);
    return { grant: grantOf(grant), accessToken, principal, session, ...(idToken && { idToken }) };
  }

  /**
   * Returns an access token that can be used now. Costs one primary-key read while the token is fresh. Near its end the
   * token is refreshed in the background; at its end it is refreshed before it is returned.
   *
   * @throws ReauthenticationRequiredError when the grant is dead, revoked or unknown
   * @throws IdentityUnavailableError when the token had to be refreshed and could not be
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function tokenForLongJob(tokens: NowggTokenService, grantId: string) {
   *   const { token, expiresAt } = await tokens.getAccessToken(grantId, { minValidityMs: 300_000 });
   *   return { token, expiresAt };
   * }
   * ```
   */
  async getAccessToken(grantId: string, options: AccessTokenOptions = {}): Promise<AccessToken> {
    const wait = this.#wait(options.signal);
    const { clock, timing, vault } = this.#parts;
    const grant = await this.#grants.getLive(grantId, wait);
    if (!isRefreshable(grant)) return this.#untilItsEnd(grant, options.ifGeneration, wait);
    const readAt = clock.monotonicNow();
    const judged = judgeForcedRefresh(grant, options.minAgeMs ?? 0);
    const isReported = options.ifGeneration === grant.generation;
    if (judged.action === 'serve')
      return isReported ? this.#serveReported(grant, judged, wait) : vault.accessTokenOf(grant);
    if (isReported) return this.#refreshed(grant, wait);
    const zone = accessTokenZone(grant, timing, options);
    // The refresh token of a restored row may already be used: no refresh is sent before it is needed.
    const spared = zone !== 'expired' && this.#parts.seen.isRestored(grant);
    if (zone === 'advisory' && !spared) this.#refresher.refreshInBackground(grant);
    if (zone === 'fresh' || zone === 'advisory' || spared) {
      const accessToken = vault.accessTokenOf(grant);
      this.#parts.counters.count('fresh');
      publishTokenRead(grant.provider, grantId, zone === 'fresh' ? zone : 'advisory');
      return accessToken;
    }
    try {
      return await this.#refreshed(grant, wait);
    } catch (error) {
      const storeNow = grant.readAtMs + clock.monotonicNow() - readAt;
      const stillGood = accessTokenZone(grant, timing, {}, storeNow) !== 'expired';
      const ended = !(error instanceof NowggAuthError) || error instanceof ReauthenticationRequiredError;
      if (ended || !stillGood) throw error;
      return vault.accessTokenOf(grant);
    }
  }

  /**
   * Calls `use` with an access token. Calls it once more, after a refresh, when it throws an `InvalidTokenError` or an
   * error whose `status` or `response.status` is 401.
   *
   * @example
   * ```ts
   * import { NowggAccountService, NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function countryOf(tokens: NowggTokenService, accounts: NowggAccountService, grantId: string) {
   *   const info = await tokens.withAccessToken(grantId, (token) => accounts.getUserInfo(token));
   *   return info.countryCode;
   * }
   * ```
   */
  async withAccessToken<T>(grantId: string, use: (token: string) => Promise<T>): Promise<T> {
    const { token, generation } = await this.getAccessToken(grantId);
    try {
      return await use(token);
    } catch (error) {
      if (!isUnauthorizedError(error)) throw error;
    }
    const renewed = await this.refresh(grantId, { ifGeneration: generation });
    return use(renewed.token);
  }

  /**
   * Refreshes now, however much of the token's life is left; the token of a grant without a refresh token stays. With `ifGeneration`, only if that generation is still the
   * stored one; otherwise returns the newer token. `minAgeMs` is for callers that may ask too often: a refreshed token
   * younger than that is returned instead of being replaced, and after a failed attempt the next one waits as long.
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * // `generation` is that of the token that was refused: of many such callers, only the first causes a refresh.
   * export async function afterRefusal(tokens: NowggTokenService, grantId: string, generation: number) {
   *   return tokens.refresh(grantId, { ifGeneration: generation });
   * }
   * ```
   */
  async refresh(grantId: string, options: RefreshOptions = {}): Promise<AccessToken> {
    const wait = this.#wait();
    const grant = await this.#grants.getLive(grantId, wait);
    const { ifGeneration, minAgeMs = 0 } = options;
    if (!isRefreshable(grant)) return this.#untilItsEnd(grant, ifGeneration, wait);
    if (ifGeneration !== undefined && ifGeneration !== grant.generation) {
      return this.getAccessToken(grantId, { minAgeMs });
    }
    const judged = judgeForcedRefresh(grant, minAgeMs);
    if (judged.action === 'wait') throw new IdentityUnavailableError(judged.retryInMs / 1000);
    if (judged.action === 'refresh') return this.#refreshed(grant, wait);
    const isReported = ifGeneration !== undefined;
    return isReported ? this.#serveReported(grant, judged, wait) : this.#parts.vault.accessTokenOf(grant);
  }

  /**
   * Ends a grant: first in the store, so that no refresh in progress can revive it, then at the identity system.
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signOutDevice(tokens: NowggTokenService, userId: string, grantId: string) {
   *   const own = await tokens.listGrants(userId);
   *   if (own.some(({ id }) => id === grantId)) await tokens.revoke(grantId);
   * }
   * ```
   */
  async revoke(grantId: string): Promise<void> {
    if (await this.#grants.has(grantId)) await this.#ending.revoke(grantId);
  }

  /**
   * Ends the sign-in that a session handle names, any handle of it. Does nothing if it has already ended, but finishes an end that was
   * interrupted.
   * @throws ReauthenticationRequiredError when this application did not make the handle
   * @throws SessionProofError when the session is bound to a key, and the proof of it is missing or refused
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signOut(tokens: NowggTokenService, session: string) {
   *   await tokens.revokeSession(session);
   * }
   * ```
   */
  async revokeSession(handle: string, { proof }: Pick<SessionOpenOptions, 'proof'> = {}): Promise<void> {
    const grantId = await this.#grants.findIdOf(handle, proof, this.#wait());
    if (grantId !== undefined) await this.#ending.revoke(grantId);
  }

  /** Finishes ends of grants that a process left incomplete. For upkeep: the sweep calls it. */
  async finishBrokenOffEnds(): Promise<void> {
    await this.#ending.finishBrokenOff();
  }

  /**
   * Ends every grant of a user and every sign-in of the user in progress.
   * @returns the number of grants
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signOutEverywhere(tokens: NowggTokenService, userId: string) {
   *   const ended = await tokens.revokeUser(userId, { provider: 'nowgg' });
   *   return { ended };
   * }
   * ```
   */
  async revokeUser(userId: string, options: { readonly provider?: string } = {}): Promise<number> {
    const { name, clientKey } = this.#parts.identityProviders.getOrOnly(options.provider);
    return isIdentifier(userId) ? this.#ending.revokeUser(name, userId, clientKey) : 0;
  }

  /**
   * Ends the grants that the identity system says it has signed out: those of a session, or of all sessions of a user. A
   * grant that began after `at` goes on, so that the same call again never ends a later sign-in. The ready-made route for
   * back-channel logout calls it; use it for other messages of your identity system.
   *
   * @param signedOut `at` is the time of the sign-out by the identity system's clock, which is exact to a second
   * @returns the number of grants
   * @throws IdentityUnavailableError when the stores cannot be written: repeat the call
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function onSessionRevoked(tokens: NowggTokenService, event: { sub: string; iat: number }) {
   *   const at = new Date(event.iat * 1000);
   *   return { ended: await tokens.revokeSignedOut({ provider: 'web', userId: event.sub, at }) };
   * }
   * ```
   */
  async revokeSignedOut(signedOut: ProviderSignOutNotice): Promise<number> {
    const { userId, sessionId, at } = signedOut;
    const { name: provider, clientKey } = this.#parts.identityProviders.getOrOnly(signedOut.provider);
    const given = [userId, sessionId].filter((id) => id !== undefined);
    if (given.length === 0 || !given.every(isIdentifier)) return 0;
    const atMs = Math.floor(at.getTime() / 1000) * 1000 + 999;
    return this.#ending.revokeSignedOut({ provider, clientKey }, { userId, sessionId, atMs });
  }

  /**
   * Lists every grant of a user, oldest first, in any state. Leaves out a live grant whose row was relabelled or that
   * is known to have ended.
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function devicesOf(tokens: NowggTokenService, userId: string) {
   *   const grants = await tokens.listGrants(userId);
   *   return grants.map(({ id, state, createdAt }) => ({ id, state, signedInAt: createdAt }));
   * }
   * ```
   */
  async listGrants(userId: string, options: { readonly provider?: string } = {}): Promise<NowggGrant[]> {
    const { name, clientKey } = this.#parts.identityProviders.getOrOnly(options.provider);
    return isIdentifier(userId) ? this.#grants.list({ provider: name, clientKey }, userId) : [];
  }

  /**
   * Lists the live sessions of a player, newest first and 100 at most, for a page that shows the player their devices.
   *
   * @param token the player's own access token: marks its session as `current`
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function devicesOf(tokens: NowggTokenService, userId: string, token: string) {
   *   const sessions = await tokens.listSessions(userId, { token });
   *   return sessions.map(({ id, device = 'unknown', lastSeenAt, current }) => ({ id, device, lastSeenAt, current }));
   * }
   * ```
   */
  async listSessions(
    userId: string,
    { provider, token }: { readonly provider?: string; readonly token?: string | undefined } = {},
  ): Promise<NowggSession[]> {
    const { name, clientKey } = this.#parts.identityProviders.getOrOnly(provider);
    return isIdentifier(userId) ? this.#sessions.list({ provider: name, clientKey }, userId, token) : [];
  }

  /**
   * Ends a session of a player, as {@link revoke} does.
   * @returns false when this user has no such live session
   *
   * @example
   * ```ts
   * import { NotFoundException } from '@nestjs/common';
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signOutDevice(tokens: NowggTokenService, userId: string, sessionId: string) {
   *   if (!(await tokens.endSession(userId, sessionId))) throw new NotFoundException();
   * }
   * ```
   */
  async endSession(userId: string, sessionId: string, options: { readonly provider?: string } = {}): Promise<boolean> {
    const { name, clientKey } = this.#parts.identityProviders.getOrOnly(options.provider);
    return this.#sessions.end({ provider: name, clientKey }, userId, sessionId);
  }

  /**
   * Ends every session of a player but the one of this access token.
   * @returns their number
   * @throws InvalidRequestError when the token is of no session, as one that the game got otherwise
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signOutOthers(tokens: NowggTokenService, userId: string, token: string) {
   *   return { ended: await tokens.endOtherSessions(userId, token) };
   * }
   * ```
   */
  async endOtherSessions(userId: string, token: string, options: { readonly provider?: string } = {}): Promise<number> {
    const { name, clientKey } = this.#parts.identityProviders.getOrOnly(options.provider);
    return this.#sessions.endOthers({ provider: name, clientKey }, userId, token);
  }

  /**
   * Returns what a request says about its device, for {@link exchangeCode}: the name that the client gives, else browser
   * and system by `User-Agent`; the place by `tokens.sessions.placeOf`. Nothing of it is verified.
   *
   * @example
   * ```ts
   * import type { IncomingMessage } from 'node:http';
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signIn(tokens: NowggTokenService, code: string, request: IncomingMessage) {
   *   return tokens.exchangeCode(code, tokens.deviceOf(request));
   * }
   * ```
   */
  deviceOf(
    request: DeviceRequest,
    given: Pick<SessionDeviceOptions, 'device' | 'deviceId'> = {},
  ): SessionDeviceOptions {
    return deviceOfRequest(request, given, this.#parts.sessions);
  }

  /**
   * Returns what a request shows for the key of its session, for {@link exchangeCode}, {@link openSession},
   * {@link sessionGrant} and {@link revokeSession} in routes of your own. Nothing of it is verified before.
   *
   * @example
   * ```ts
   * import type { IncomingMessage } from 'node:http';
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function signIn(tokens: NowggTokenService, code: string, request: IncomingMessage) {
   *   const { grant, session } = await tokens.exchangeCode(code, { proof: tokens.proofOf(request) });
   *   return { session, ...(grant.bound && { bound: true }) };
   * }
   * ```
   */
  proofOf(request: ProvingRequest): NowggSessionProof {
    return proofOfRequest(request);
  }

  /**
   * Returns the grant that a session handle names.
   * @throws ReauthenticationRequiredError when this application did not make this handle for one of its clients, or its
   * grant has ended
   * @throws SessionProofError when the session is bound to a key, and the proof of it is missing or refused
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function tokenOf(tokens: NowggTokenService, session: string) {
   *   const grant = await tokens.sessionGrant(session);
   *   return tokens.getAccessToken(grant.id);
   * }
   * ```
   */
  async sessionGrant(handle: string, { proof }: Pick<SessionOpenOptions, 'proof'> = {}): Promise<NowggGrant> {
    return (await this.#open(handle, { rotates: false, reread: false, proof })).grant;
  }

  /**
   * Returns the grant that a session handle names, and the handle to use from now on: the use of one hands out the next,
   * see `tokens.sessions.rotation`. Give it to the front end in each answer, because the one before it is the last that
   * stays good beside it. A use restarts the idle time of the session.
   *
   * @param options `reread`: the handle was superseded, and the front end has read its storage again since. A handle that
   * is superseded then ends the session and its grant, with an event: another holder uses the session.
   * @throws SessionSupersededError when two newer handles of the session were handed out
   * @throws ReauthenticationRequiredError when the handle is not genuine, or the session or its grant has ended
   * @throws UserBannedError when a ban has ended it, or the player is banned
   * @throws SessionProofError when the session is bound to a key, and the proof of it is missing or refused: nothing has
   *   ended
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export async function refreshFor(tokens: NowggTokenService, handle: string) {
   *   const { grant, session } = await tokens.openSession(handle);
   *   const { token, expiresAt } = await tokens.getAccessToken(grant.id);
   *   return { token, expiresAt, session }; // the front end stores this handle from now on
   * }
   * ```
   */
  async openSession(handle: string, options: SessionOpenOptions = {}): Promise<{ grant: NowggGrant; session: string }> {
    const { reread, proof, handoff } = options;
    return this.#open(handle, { rotates: true, reread: reread === true, proof, handoff });
  }

  /**
   * Returns the counters of this service, for a metrics page. For its events, see `NOWGG_TOKEN_CHANNEL`.
   *
   * @example
   * ```ts
   * import { NowggTokenService } from 'nestjs-nowgg-auth';
   *
   * export function metricsOf(tokens: NowggTokenService) {
   *   const { outcomes, pendingWrites } = tokens.counters();
   *   return { fresh: outcomes.fresh, refreshed: outcomes.refreshed, pendingWrites };
   * }
   * ```
   */
  counters(): NowggTokenCounters {
    return this.#parts.counters.read();
  }

  /**
   * @throws NowggConfigurationError when the store lacks a table or column, a key that encrypted grants is missing or
   * another key has its id
   */
  async onApplicationBootstrap(): Promise<void> {
    await this.#parts.store.checkSchema();
    await checkKeys(this.#parts.store, this.#parts.vault.ring);
  }

  /** Runs while requests may still come in and every connection is open. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#drain();
  }

  /** Handles the work that requests have begun since `beforeApplicationShutdown`. */
  async onApplicationShutdown(): Promise<void> {
    await this.close();
  }

  /**
   * Waits until every call in progress has ended and every received token set is stored, at most as long as the
   * `shutdown` options say.
   */
  async close(): Promise<void> {
    await this.#drain();
    await this.#parts.store.close();
  }

  async #drain(): Promise<void> {
    const work = [this.#exchanger.drain(), this.#refresher.drain(), this.#ending.drain()];
    const { clients, shutdown } = this.#parts;
    await shutdown.wait(Promise.all(work).then(() => clients.flush()));
  }

  /** @throws SessionProofError, NowggConfigurationError */
  async #keyOf(code: string, { provider, proof, authorization }: CodeExchangeOptions): Promise<ProvenKey | undefined> {
    if (!isAuthorizationCode(code)) return undefined;
    if (authorization && !proof) {
      // A navigation carries no proof. The page that redeems the handoff has one.
      if (authorization.isHandedOver || this.#parts.sessions.binding !== 'required') return undefined;
      throw new NowggConfigurationError(
        'tokens.sessions.binding required: the callback begins sessions without a key, unless the sign-in has a challenge',
      );
    }
    return this.#proofs.ofSignIn(code, proof, this.#parts.identityProviders.getOrOnly(provider).name);
  }

  async #open(
    handle: string,
    { reread, ...use }: SessionOpenOptions & { rotates: boolean; proof: NowggSessionProof | undefined },
  ): Promise<{ grant: NowggGrant; session: string }> {
    const opened = await this.#grants.openSession(handle, use, this.#wait());
    if (opened.over === undefined) return opened;
    const { id, provider } = opened.grant;
    if (opened.over === 'superseded') {
      if (reread) {
        publishSecurityEvent({ type: 'session_superseded', provider });
        await this.revoke(id);
      }
      throw new SessionSupersededError();
    }
    publishSecurityEvent({ type: 'session_expired', provider });
    if (this.#parts.sessions.endGrant) await this.revoke(id);
    throw new ReauthenticationRequiredError('the session has ended by its age, the player has to sign in again');
  }

  #wait(signal?: AbortSignal): CallerWait {
    return new CallerWait(this.#parts, this.#parts.timing.softDeadlineMs, signal);
  }

  /**
   * Returns a young token that the caller reports as refused only when its identity system does not refuse it: a caller
   * with a refused token would otherwise get the same one again and again. A first refusal is enough here, because the
   * caller saw one too.
   */
  async #serveReported(grant: GrantRecord, { youngForMs }: YoungToken, wait: CallerWait): Promise<AccessToken> {
    const accessToken = this.#parts.vault.accessTokenOf(grant);
    const { provider } = grant;
    const policy = { provider, tokenType: 'token', maxAgeMs: 0 } as const;
    const verdict = await wait.for(Promise.resolve(this.#authenticator.authenticate(accessToken.token, policy)));
    if (verdict.status === 'invalid') throw new IdentityUnavailableError(youngForMs / 1000);
    if (verdict.status === 'unknown' && verdict.reason === 'unconfirmed_refusal') {
      throw new IdentityUnavailableError(verdict.retryAfterSeconds);
    }
    return accessToken;
  }

  /**
   * Returns the only access token of a grant without a refresh token, or ends the grant: at the token's end, or when the
   * caller reports the token as refused and the identity system refuses it.
   *
   * @throws ReauthenticationRequiredError
   */
  async #untilItsEnd(grant: GrantRecord, reported: number | undefined, wait: CallerWait): Promise<AccessToken> {
    const { accessTokenExpiresAtMs, generation, provider, readAtMs } = grant;
    const accessToken = this.#parts.vault.accessTokenOf(grant);
    let isOver = accessTokenExpiresAtMs !== undefined && accessTokenExpiresAtMs <= readAtMs;
    if (!isOver && reported === generation) {
      const policy = { provider, tokenType: 'token', maxAgeMs: 0 } as const;
      const verdict = await wait.for(Promise.resolve(this.#authenticator.authenticate(accessToken.token, policy)));
      isOver = verdict.status === 'invalid';
    }
    if (!isOver) return accessToken;
    // Without a call to the identity system. If the store cannot note the end now, the next caller tries again.
    await wait.for(this.#refresher.refresh(grant).catch(() => undefined));
    throw new ReauthenticationRequiredError();
  }

  #handOut({ grant, accessToken }: Extract<RefreshResult, { grant: GrantRecord }>): AccessToken {
    const { seen, vault } = this.#parts;
    if (seen.isRevived(grant)) throw new ReauthenticationRequiredError();
    seen.note(grant);
    return vault.accessTokenOf(grant, accessToken);
  }

  async #refreshed(grant: GrantRecord, wait: CallerWait): Promise<AccessToken> {
    for (;;) {
      const result = await wait.for(this.#refresher.refresh(grant));
      if (!result || (result.outcome === 'held' && wait.leftMs > 0)) continue;
      switch (result.outcome) {
        case 'refreshed':
        case 'adopted':
          return this.#handOut(result);
        case 'needs_reauth':
        case 'ended':
          throw new ReauthenticationRequiredError();
        default:
          throw result.isInDoubt
            ? new GrantInDoubtError(result.retryInMs / 1000)
            : new IdentityUnavailableError(result.retryInMs / 1000);
      }
    }
  }
}

/** Whether an error of the application's own call means that the access token was refused. */
function isUnauthorizedError(error: unknown): boolean {
  if (error instanceof InvalidTokenError) return true;
  if (typeof error !== 'object' || error === null) return false;
  const { status, response } = error as { status?: unknown; response?: unknown };
  if (status === 401) return true;
  return typeof response === 'object' && response !== null && (response as { status?: unknown }).status === 401;
}
