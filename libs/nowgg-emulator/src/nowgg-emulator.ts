import type { IssueCodeRequest, IssuedTokens, IssueIdTokenRequest, IssueTokensRequest } from './accounts/issuing.js';
import type { IssuedSecret } from './accounts/issue-ledger.js';
import type { EmulatedPlayer } from './accounts/players.js';
import type { Fault } from './faults/fault.js';
import type { RefreshTokenRotation } from './options.js';
import type { RecordedRequest, RequestFilter } from './request-log.js';

/** Controls of an emulator, in addition to the vendor's endpoints; the same in process and under `/_control`. */
export interface EmulatorControls {
  /** All players, in the order in which they were added. */
  readonly players: readonly EmulatedPlayer[];

  /** Adds a player; missing fields are made up. @throws Error when the user id is taken. */
  addPlayer(player?: Partial<EmulatedPlayer>): EmulatedPlayer;

  /**
   * Issues a one-time authorization code, as the device would get one.
   * @throws Error for an unknown player or client.
   */
  issueCode(request?: IssueCodeRequest): string;

  /** Signs a player in without a code. @throws Error for an unknown player or client. */
  issueTokens(request?: IssueTokensRequest): IssuedTokens;

  /** Issues an id_token, as the device would get one. @throws Error for an unknown player or client. */
  issueIdToken(request?: IssueIdTokenRequest): string;

  /**
   * Revokes one token or id_token: it is `INVALID_TOKEN` from then on. Returns false when this emulator did not issue
   * it.
   */
  revokeToken(token: string): boolean;

  /**
   * Revokes one refresh token; tokens of its session keep working. Returns false when there is no such refresh token.
   */
  revokeRefreshToken(refreshToken: string): boolean;

  /** Ends a session: its tokens and refresh tokens. Returns false when there is no such session. */
  revokeSession(sessionId: string): boolean;

  /**
   * Ends all codes and tokens that a player has so far; the player can sign in again. Returns false when there is no
   * such player.
   */
  revokePlayer(userId: string): boolean;

  /** Ends one code or token by its `id` in {@link issued}. Returns false when it is not listed there. */
  revokeIssued(id: string): boolean;

  /** The last 1,000 issued codes and tokens, oldest first; fingerprints, never the codes and tokens themselves. */
  readonly issued: readonly IssuedSecret[];

  /** User id of the player to whom a code or token was issued, valid or not; undefined for any other text. */
  ownerOf(secret: string): string | undefined;

  /**
   * Bans a player, or lifts the ban. A ban ends all codes and tokens of the player and permits no new sign-in until it
   * is lifted. Returns false when there is no such player.
   */
  setBanned(userId: string, banned: boolean): boolean;

  /** User ids of the banned players. */
  readonly bannedPlayers: readonly string[];

  /** Lifetime of the tokens and id_tokens that are issued from now on, in seconds. */
  readonly tokenLifetimeSeconds: number;

  /** Sets {@link tokenLifetimeSeconds}. @throws TypeError unless it is at least one second */
  setTokenLifetime(seconds: number): void;

  /** Effect of refreshes on refresh tokens from now on: the option `rotateRefreshTokens`. */
  readonly refreshTokenRotation: RefreshTokenRotation;

  /** Sets {@link refreshTokenRotation}. @throws TypeError for a value that it cannot have */
  setRefreshTokenRotation(rotation: RefreshTokenRotation): void;

  /**
   * Replaces a client's secret: the old one is refused from now on, as after a change in now.gg's console. Returns false
   * when there is no such client.
   *
   * @throws TypeError for an empty secret
   */
  setClientSecret(clientId: string, clientSecret: string): boolean;

  /** The emulator's time, in epoch milliseconds. */
  now(): number;

  /** Moves the emulator's clock by `ms`, backwards if negative. */
  advanceClock(ms: number): void;

  /** Sets the emulator's clock. The clock runs from there, or stands still when `frozen` is true. */
  setClock(epochMs: number, options?: { frozen?: boolean | undefined }): void;

  /**
   * Adds a fault. Faults with a `count` are used first, in the order in which they were set. A standing fault (without
   * a `count`) replaces the standing one for the same calls. Latencies and holds apply in addition to the others.
   *
   * @throws TypeError that names the unusable field
   */
  setFault(fault: Fault): void;

  /** Ends all faults and releases held calls. */
  clearFaults(): void;

  /**
   * Ends the faults equal to this one, whatever their counts; for a `hold`, releases its calls. Returns whether there
   * was one.
   */
  clearFault(fault: Fault): boolean;

  /** Releases the calls that a `hold` keeps waiting; the fault stays in force. */
  releaseHeld(): void;

  /** The faults still in force. */
  readonly faults: readonly Fault[];

  /** The last calls to the vendor's endpoints (`requestLogSize`), without tokens, codes or secrets. */
  readonly requests: readonly RecordedRequest[];

  /** Number of matching calls that arrived; a filter by more than the endpoint counts only those in {@link requests}. */
  requestCount(filter?: RequestFilter): number;

  /**
   * Resets everything to the state at the start: players, bans, clock, token lifetime, rotation,
   * client secrets, faults, request log.
   * Codes and tokens issued before are no longer recognised.
   */
  reset(): void;
}

/** A running emulator. */
export interface NowggEmulator extends EmulatorControls, AsyncDisposable {
  /** Address of the emulator without a trailing slash: the `baseUrl` of a client. */
  readonly url: string;
  readonly port: number;

  /** Resolves as soon as at least `count` (default 1) matching calls have arrived. */
  waitForRequests(filter?: RequestFilter, count?: number): Promise<void>;

  /** Stops listening and closes every connection. May be called twice. */
  close(): Promise<void>;
}
