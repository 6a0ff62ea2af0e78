import { randomUUID } from 'node:crypto';
import { EmulatedAccounts } from '../accounts/emulated-accounts.js';
import type { IssueCodeRequest, IssuedTokens, IssueIdTokenRequest, IssueTokensRequest } from '../accounts/issuing.js';
import type { IssuedSecret } from '../accounts/issue-ledger.js';
import type { EmulatedPlayer } from '../accounts/players.js';
import { EmulatorClock } from '../emulator-clock.js';
import type { JsonObject } from '../endpoints/fields.js';
import type { Fault } from '../faults/fault.js';
import { parseFault } from '../faults/fault.js';
import { FaultPlan } from '../faults/fault-plan.js';
import type { EmulatorControls } from '../nowgg-emulator.js';
import type { RefreshTokenRotation, ResolvedOptions } from '../options.js';
import { isRotation } from '../options.js';
import type { RecordedRequest, RequestFilter } from '../request-log.js';
import { RequestLog } from '../request-log.js';

/** The state of one emulator and its controls, without any network. */
export class LocalControls implements EmulatorControls {
  readonly clock = new EmulatorClock();
  readonly faultPlan = new FaultPlan();
  readonly log: RequestLog;
  readonly accounts: EmulatedAccounts;
  #run = randomUUID();

  constructor(options: ResolvedOptions) {
    this.accounts = new EmulatedAccounts(options, this.clock);
    this.log = new RequestLog(options.requestLogSize);
  }

  get players(): readonly EmulatedPlayer[] {
    return this.accounts.players.all();
  }

  addPlayer(player?: Partial<EmulatedPlayer>): EmulatedPlayer {
    return this.accounts.players.add(player);
  }

  issueCode(request?: IssueCodeRequest): string {
    return this.accounts.issueCode(request);
  }

  issueTokens(request?: IssueTokensRequest): IssuedTokens {
    return this.accounts.issueTokens(request);
  }

  issueIdToken(request?: IssueIdTokenRequest): string {
    return this.accounts.issueIdToken(request);
  }

  revokeToken(token: string): boolean {
    return this.accounts.revokeToken(token);
  }

  revokeRefreshToken(refreshToken: string): boolean {
    return this.accounts.sessions.revokeRefreshToken(refreshToken);
  }

  revokeSession(sessionId: string): boolean {
    return this.accounts.sessions.revoke(sessionId);
  }

  revokePlayer(userId: string): boolean {
    return this.accounts.revokePlayer(userId);
  }

  revokeIssued(id: string): boolean {
    return this.accounts.revokeIssued(id);
  }

  get issued(): readonly IssuedSecret[] {
    return this.accounts.issued();
  }

  ownerOf(secret: string): string | undefined {
    return this.accounts.ownerOf(secret);
  }

  setBanned(userId: string, banned: boolean): boolean {
    return this.accounts.setBanned(userId, banned);
  }

  get bannedPlayers(): readonly string[] {
    return this.accounts.bannedPlayers;
  }

  get tokenLifetimeSeconds(): number {
    return this.accounts.tokenLifetimeSeconds;
  }

  setTokenLifetime(seconds: number): void {
    this.accounts.tokenLifetimeSeconds = seconds;
  }

  get refreshTokenRotation(): RefreshTokenRotation {
    return this.accounts.sessions.rotation;
  }

  setRefreshTokenRotation(rotation: RefreshTokenRotation): void {
    if (!isRotation(rotation)) throw new TypeError('there is no such rotation of refresh tokens');
    this.accounts.sessions.rotation = rotation;
  }

  setClientSecret(clientId: string, clientSecret: string): boolean {
    if (clientSecret === '') throw new TypeError('clientSecret must not be empty');
    return this.accounts.setClientSecret(clientId, clientSecret);
  }

  now(): number {
    return this.clock.now();
  }

  advanceClock(ms: number): void {
    this.clock.advance(ms);
  }

  setClock(epochMs: number, options: { frozen?: boolean | undefined } = {}): void {
    this.clock.set(epochMs, options.frozen);
  }

  setFault(fault: Fault): void {
    this.faultPlan.set(parseFault(fault as unknown as JsonObject));
  }

  clearFaults(): void {
    this.faultPlan.clear();
  }

  clearFault(fault: Fault): boolean {
    return this.faultPlan.remove(parseFault(fault as unknown as JsonObject));
  }

  releaseHeld(): void {
    this.faultPlan.releaseHeld();
  }

  get faults(): readonly Fault[] {
    return this.faultPlan.list();
  }

  get requests(): readonly RecordedRequest[] {
    return this.log.list();
  }

  requestCount(filter?: RequestFilter): number {
    return this.log.count(filter);
  }

  waitForRequests(filter?: RequestFilter, count = 1): Promise<void> {
    return this.log.waitFor(filter, count);
  }

  /** Identifier of the run since the last start or reset. */
  get run(): string {
    return this.#run;
  }

  reset(): void {
    this.#run = randomUUID();
    this.accounts.reset();
    this.clock.reset();
    this.faultPlan.clear();
    this.log.clear();
  }
}
