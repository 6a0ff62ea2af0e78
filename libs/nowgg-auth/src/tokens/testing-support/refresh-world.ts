import { IdentityProviders } from '../../identity/identity-providers.js';
import type { TokenOutcome } from '../../identity/identity-provider.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import type { AccessToken } from '../store/grant.js';
import type { GrantRecord } from '../store/grant-record.js';
import { MemoryTokenStore } from '../store/memory/memory-token-store.js';
import { NowggTokenService } from '../nowgg-token-service.js';
import { NowggAuthError, ReauthenticationRequiredError } from '../../errors.js';
import { authenticatorOf, ScriptedProvider } from './scripted-provider.js';
import { gated, SimulatedProcess } from './simulated-process.js';
import { DEFAULT_OPTIONS, settled } from './token-service-under-test.js';

export type RotationMode = 'static' | 'grace' | 'strict';

/** The fate of a reply. */
export type ReplyFate = 'delivered' | 'lost';

/** Faults of a call as it arrives; none of these calls is carried out. */
export const ARRIVAL_FAULTS = {
  unreached: { status: 'in_doubt', reason: 'network' },
  not_sent: { status: 'not_sent', reason: 'network' },
  busy: { status: 'busy', retryAfterMs: 3_000 },
  refused: { status: 'refused', code: 'NO', isFinal: false },
  client_refused: { status: 'client_refused' },
} as const satisfies Record<string, TokenOutcome>;

interface Call {
  readonly process: SimulatedProcess;
  readonly startedAt: number;
  /** Generation of the stored tokens when the call arrived. */
  readonly generation: number;
  /** Number of failovers before the call arrived. */
  readonly failovers: number;
  /** Outcome at the identity system when the call arrived. */
  readonly outcome: TokenOutcome;
  reply(outcome: TokenOutcome): void;
}

/**
 * One grant, an identity system that rotates refresh tokens in a chosen way, and processes that call it at the same
 * time. Calls wait until {@link answer} decides what becomes of them.
 */
export class RefreshWorld {
  readonly clock = new ManualClock();
  readonly #grants = new Map<string, GrantRecord>();
  readonly store = new MemoryTokenStore(this.clock, this.#grants);
  readonly calls: Call[] = [];
  /** Every access token that the identity system has issued. */
  readonly issued = new Set<string>();
  /** Errors other than those that a caller may get: that a living grant has ended is one of them. */
  readonly surprises: unknown[] = [];
  /** Tokens that callers got although they were never issued, or not for this generation. */
  readonly forged: string[] = [];
  /**
   * Whether a rotated token may have reached no living process: a strict system has then lost the grant for every
   * process.
   */
  mayBeLost = false;
  grantId = '';
  readonly #mode: RotationMode;
  readonly #working = new Set<string>();
  readonly #processes: SimulatedProcess[] = [];
  readonly #served = new Map<number, string>();
  #faults: TokenOutcome[] = [];
  #copies: (readonly [string, GrantRecord])[] = [];
  #isRevoked = false;
  #failovers = 0;
  #disturbed = false;
  #tokens = 0;

  private constructor(mode: RotationMode) {
    this.#mode = mode;
  }

  static async create(mode: RotationMode, processes: number): Promise<RefreshWorld> {
    const world = new RefreshWorld(mode);
    for (let index = 0; index < processes; index += 1) world.#processes.push(world.#boot());
    const newcomer = world.#process(0).service.exchangeCode('code');
    await settled();
    const { grant, accessToken } = await newcomer;
    world.grantId = grant.id;
    world.issued.add(accessToken.token);
    world.#working.add('refresh-0');
    world.copy();
    return world;
  }

  /** Lets a caller in this process ask for the token, or for a new one. */
  call(process: number, op: 'get' | 'refresh'): void {
    const { service } = this.#process(process);
    void this.#observe(op === 'get' ? service.getAccessToken(this.grantId) : service.refresh(this.grantId));
  }

  async #observe(asked: Promise<AccessToken>): Promise<void> {
    try {
      const { token, generation } = await asked;
      const first = this.#served.get(generation) ?? token;
      this.#served.set(generation, first);
      // After a failover, a generation is stored again with other tokens.
      if ((first !== token && this.#failovers === 0) || !this.issued.has(token)) this.forged.push(token);
    } catch (error) {
      const isWronglyDead = error instanceof ReauthenticationRequiredError && !this.#isRevoked && !this.isLossPossible;
      if (!(error instanceof NowggAuthError) || isWronglyDead) this.surprises.push(error);
    }
  }

  answer(index: number, fate: ReplyFate): void {
    const [call] = this.calls.splice(index % Math.max(1, this.calls.length), 1);
    if (!call) return;
    const carriedOut = call.outcome.status === 'tokens';
    if (carriedOut && (fate === 'lost' || call.process.dead)) this.mayBeLost = true;
    if (carriedOut && fate === 'lost') call.process.unstored -= 1;
    call.reply(fate === 'lost' ? { status: 'in_doubt', reason: 'network' } : call.outcome);
  }

  /** Adds a fault for the next call that arrives. */
  fault(fault: keyof typeof ARRIVAL_FAULTS): void {
    this.#faults.push(ARRIVAL_FAULTS[fault]);
  }

  kill(process: number): void {
    const victim = this.#process(process);
    victim.dead = true;
    victim.thaw();
    this.mayBeLost ||= victim.unstored > 0;
    this.#disturbed = true;
    this.#processes[process % this.#processes.length] = this.#boot();
  }

  freeze(process: number): void {
    this.#disturbed = true;
    this.#process(process).freeze();
  }

  thaw(process: number): void {
    this.#process(process).thaw();
  }

  async pass(ms: number): Promise<void> {
    await settled();
    this.clock.advance(ms);
    await settled();
  }

  /**
   * Number of calls in progress to replace the stored generation, without those so old that no caller waits for them;
   * undefined when processes were killed or frozen.
   */
  async callsAtOnce(): Promise<number | undefined> {
    const recent = this.clock.monotonicNow() - DEFAULT_OPTIONS.lateReplyMs;
    const { generation } = await this.state();
    const current = this.calls.filter((call) => call.generation === generation && call.startedAt > recent);
    return this.#disturbed ? undefined : current.length;
  }

  async revoke(): Promise<void> {
    this.#isRevoked = true;
    await this.store.revokeGrant(this.grantId);
    this.copy();
  }

  /** A replica receives everything that is stored now. */
  copy(): void {
    this.#copies = [...this.#grants];
  }

  /** The database fails over to the replica, which did not get what was stored since the last copy. */
  failover(): void {
    this.#failovers += 1;
    this.#disturbed = true;
    for (const [id, grant] of this.#copies) {
      if (grant.generation < (this.#grants.get(id)?.generation ?? 0)) this.mayBeLost = true;
      this.#grants.set(id, grant);
    }
  }

  /**
   * Whether the identity system may take no refresh token any more that a process could still have. A reply that takes
   * longer than `lateReplyMs` is one that no process waits for.
   */
  get isLossPossible(): boolean {
    const givenUpBefore = this.clock.monotonicNow() - DEFAULT_OPTIONS.lateReplyMs;
    const isUnread = this.calls.some(
      ({ outcome, startedAt }) => outcome.status === 'tokens' && startedAt < givenUpBefore,
    );
    return this.#mode === 'strict' && (this.mayBeLost || isUnread);
  }

  async state() {
    const { state, generation, accessCiphertext } = (await this.store.findGrant(this.grantId)) as GrantRecord;
    return { state, generation, accessCiphertext: Buffer.from(accessCiphertext).toString('base64') };
  }

  /** Lets every process run again, answers every call, and lets enough time pass for every lease and pause to end. */
  async calmDown(): Promise<void> {
    for (const process of this.#processes) process.thaw();
    this.#faults = [];
    for (let round = 0; round < 20; round += 1) {
      while (this.calls.length > 0) this.answer(0, 'delivered');
      await this.pass(120_000);
    }
  }

  /** Whether the grant still works: a new process gets a new token with what is stored. */
  async works(): Promise<boolean> {
    const process = this.#boot();
    const refresh = process.service.refresh(this.grantId).then(
      () => true,
      () => false,
    );
    await settled();
    while (this.calls.length > 0) this.answer(0, 'delivered');
    await this.pass(10_000);
    return refresh;
  }

  #process(index: number): SimulatedProcess {
    return this.#processes[index % this.#processes.length] as SimulatedProcess;
  }

  #boot(): SimulatedProcess {
    const process = new SimulatedProcess();
    process.service = new NowggTokenService({
      store: gated(this.store, process),
      identityProviders: new IdentityProviders([this.#providerOf(process)]),
      authenticator: authenticatorOf('player-1'),
      clock: this.clock,
      options: DEFAULT_OPTIONS,
    });
    return process;
  }

  #providerOf(process: SimulatedProcess): ScriptedProvider {
    const provider = new ScriptedProvider(this.clock);
    provider.exchangeCode = async () => ({
      status: 'tokens',
      tokens: {
        accessToken: 'access-0',
        refreshToken: 'refresh-0',
        accessTokenExpiresAtMs: this.clock.now() + 3_600_000,
      },
    });
    provider.refresh = async (refreshToken) => {
      await process.runs();
      const { generation } = await this.state();
      const outcome = this.#faults.shift() ?? this.#carryOut(refreshToken);
      if (outcome.status === 'tokens') process.unstored += 1;
      // A failover lost the lease of a call under way, so that this process used the same token: no store can tell it.
      if (outcome.status === 'refused' && this.calls.some((call) => this.#hasLostLease(call))) this.mayBeLost = true;
      const startedAt = this.clock.monotonicNow();
      const failovers = this.#failovers;
      const reply = await new Promise<TokenOutcome>((resolve) => {
        this.calls.push({ process, startedAt, generation, failovers, outcome, reply: resolve });
      });
      await process.runs();
      return reply;
    };
    return provider;
  }

  #hasLostLease({ outcome, failovers }: Call): boolean {
    return outcome.status === 'tokens' && failovers < this.#failovers;
  }

  #carryOut(refreshToken: string): TokenOutcome {
    if (!this.#working.has(refreshToken)) return { status: 'refused', code: 'invalid_grant', isFinal: true };
    this.#tokens += 1;
    const accessToken = `access-${this.#tokens}`;
    this.issued.add(accessToken);
    const tokens = { accessToken, accessTokenExpiresAtMs: this.clock.now() + 3_600_000 };
    if (this.#mode === 'static') return { status: 'tokens', tokens };
    if (this.#mode === 'strict') this.#working.delete(refreshToken);
    const rotated = `refresh-${this.#tokens}`;
    this.#working.add(rotated);
    return { status: 'tokens', tokens: { ...tokens, refreshToken: rotated } };
  }
}
