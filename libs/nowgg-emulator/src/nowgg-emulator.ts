import type { IssueCodeRequest, IssuedTokens, IssueIdTokenRequest, IssueTokensRequest } from './accounts/issuing.js';
import type { IssuedSecret } from './accounts/issue-ledger.js';
import type { EmulatedPlayer } from './accounts/players.js';
import type { Fault } from './faults/fault.js';
import type { RecordedRequest, RequestFilter } from './request-log.js';

/** What can be done to an emulator beside the vendor's endpoints; the same in process and under `/_control`. */
export interface EmulatorControls {
  /** All players, in the order in which they were added. */
  readonly players: readonly EmulatedPlayer[];

  /** Adds a player; what is not given is made up. @throws Error when the user id is taken. */
  addPlayer(player?: Partial<EmulatedPlayer>): EmulatedPlayer;

  /** A one-time authorization code, as the device would get one. @throws Error for an unknown player or client. */
  issueCode(request?: IssueCodeRequest): string;

  /** Signs a player in without a code. @throws Error for an unknown player or client. */
  issueTokens(request?: IssueTokensRequest): IssuedTokens;

  /** An id_token, as the device would get one. @throws Error for an unknown player or client. */
  issueIdToken(request?: IssueIdTokenRequest): string;

  /** Makes one token or id_token `INVALID_TOKEN`. False when it is none of this emulator's. */
  revokeToken(token: string): boolean;

  /** Ends one refresh token; tokens of its session go on working. False when there is no such refresh token. */
  revokeRefreshToken(refreshToken: string): boolean;

  /** Ends a session: its tokens and refresh tokens. False when there is no such session. */
  revokeSession(sessionId: string): boolean;

  /** Ends all that a player has so far; signing in again works. False when there is no such player. */
  revokePlayer(userId: string): boolean;

  /** Ends one code or token by its `id` in {@link issued}. False when it is not among those. */
  revokeIssued(id: string): boolean;

  /** The last 1,000 codes and tokens that were handed out, oldest first; fingerprints, never their texts. */
  readonly issued: readonly IssuedSecret[];

  /**
   * A ban ends all that the player has and permits no new sign-in until it is lifted. False when there is no such
   * player.
   */
  setBanned(userId: string, banned: boolean): boolean;

  /** User ids of the banned players. */
  readonly bannedPlayers: readonly string[];

  /** Life of the tokens and id_tokens that are made from now on, in seconds. */
  readonly tokenLifetimeSeconds: number;

  /** Sets {@link tokenLifetimeSeconds}. @throws TypeError unless it is at least one second */
  setTokenLifetime(seconds: number): void;

  /** The emulator's time, epoch milliseconds. */
  now(): number;

  /** Moves the emulator's clock by `ms`, backwards if negative. */
  advanceClock(ms: number): void;

  /** Sets the emulator's clock. It runs on from there, or stands still when `frozen` is true. */
  setClock(epochMs: number, options?: { frozen?: boolean | undefined }): void;

  /**
   * Adds a fault. Counted faults are used up in the order in which they were set, before any standing one; a standing
   * fault replaces the standing one with the same endpoint and grant type; latencies add to the others.
   *
   * @throws TypeError that names the unusable field
   */
  setFault(fault: Fault): void;

  /** Ends all faults and lets held calls go on. */
  clearFaults(): void;

  /** Ends the faults equal to this one, whatever their counts; with a `hold` its calls go on. Whether there was one. */
  clearFault(fault: Fault): boolean;

  /** Lets the calls go on that a `hold` keeps; the fault stays in force. */
  releaseHeld(): void;

  /** The faults still in force. */
  readonly faults: readonly Fault[];

  /** The last 20,000 calls of the vendor's endpoints. No tokens, codes or secrets. */
  readonly requests: readonly RecordedRequest[];

  /** How many such calls arrived; counts that filter by more than the endpoint see the last 20,000 calls. */
  requestCount(filter?: RequestFilter): number;

  /** Back to the first moment: players, bans, clock, token life, faults, request log; nothing issued before is recognised any more. */
  reset(): void;
}

/** A running emulator. */
export interface NowggEmulator extends EmulatorControls, AsyncDisposable {
  /** Its address without a trailing slash: the `baseUrl` of a client. */
  readonly url: string;
  readonly port: number;

  /** Resolves as soon as at least `count` (default 1) such calls have arrived. */
  waitForRequests(filter?: RequestFilter, count?: number): Promise<void>;

  /** Stops listening and closes every connection. May be called twice. */
  close(): Promise<void>;
}
