import type { TokenOutcome } from '../../identity/identity-provider.js';
import { IdentityProviders } from '../../identity/identity-providers.js';
import { GrantInDoubtError, IdentityUnavailableError, ReauthenticationRequiredError } from '../../errors.js';
import { ManualClock } from '../../testing-support/manual-clock.js';
import { NowggTokenService } from '../nowgg-token-service.js';
import type { GrantRecord } from '../store/grant-record.js';
import { MemoryClients } from '../store/memory/memory-clients.js';
import { MemoryTokenStore } from '../store/memory/memory-token-store.js';
import { authenticatorOf, ScriptedProvider } from './scripted-provider.js';
import { DEFAULT_OPTIONS, settled } from './token-service-under-test.js';

const SECOND_MS = 1_000;
const LIFE_MS = 10_000;
const RIGHT = 'right';

interface Player {
  grantId: string;
  readonly refreshToken: string;
  readonly shard: number;
  /** The process that serves this player. */
  readonly process: number;
  asksAtMs: number;
  /** Whether the identity system has really ended the grant. */
  isEnded: boolean;
  /** Time at which an ended grant was first refused, in epoch milliseconds. */
  refusedAtMs: number | undefined;
  toldAtMs: number | undefined;
  /** Whether the player was offered a sign-in instead of waiting. */
  mayHaveSignedIn: boolean;
}

export interface RefusalWorldOptions {
  readonly processes: number;
  readonly players: number;
  readonly shards: number;
  /** Processes with a wrong secret. */
  readonly wrong: ReadonlySet<number>;
  /** Life of an access token, in milliseconds: short, so that players need new ones all the time. Default 10,000. */
  readonly lifeMs?: number;
}

/**
 * Players who ask for their tokens as clients do, processes on one store, and an identity system that refuses for other
 * reasons than that a grant has ended, always in the same words.
 */
export class RefusalWorld {
  readonly clock = new ManualClock();
  readonly players: Player[] = [];
  readonly wrong: Set<number>;
  /** Players who were told to sign in again although their grant works. */
  readonly wronglyDead: string[] = [];
  readonly surprises: unknown[] = [];
  /** Number of refresh tokens that the identity system has seen, by second. */
  readonly asked = new Map<number, number>();
  readonly #grants = new Map<string, GrantRecord>();
  readonly #clients = new MemoryClients(this.clock);
  readonly #store = new MemoryTokenStore(this.clock, this.#grants, this.#clients);
  readonly #services: NowggTokenService[];
  readonly #options: RefusalWorldOptions;
  readonly #refusing = new Map<number, number>();
  #outageUntilMs = 0;
  #allRefusedUntilMs = 0;
  #lastSecond: () => void = () => undefined;

  private constructor(options: RefusalWorldOptions) {
    this.#options = options;
    this.wrong = new Set(options.wrong);
    this.#services = Array.from({ length: options.processes }, (_, process) => this.#boot(process));
  }

  static async create(options: RefusalWorldOptions): Promise<RefusalWorld> {
    const world = new RefusalWorld(options);
    for (let index = 0; index < options.players; index += 1) await world.#signIn(index);
    return world;
  }

  get store(): MemoryTokenStore {
    return this.#store;
  }

  /** One part of the identity system refuses everything that its players send. */
  refuseShard(shard: number, forMs: number): void {
    this.#refusing.set(shard, this.clock.now() + forMs);
  }

  outage(forMs: number): void {
    this.#outageUntilMs = this.clock.now() + forMs;
  }

  /** The identity system refuses every request, as it does for a client whose secret it has lost. */
  refuseAll(forMs: number): void {
    this.#allRefusedUntilMs = this.clock.now() + forMs;
  }

  /** The identity system ends a grant for good. */
  end(index: number): void {
    this.#player(index).isEnded = true;
  }

  /** The database fails over to a replica that did not get the last second. */
  failover(): void {
    this.#lastSecond();
  }

  /** A process is deployed anew. */
  restart(process: number): void {
    this.#services[process % this.#services.length] = this.#boot(process % this.#services.length);
  }

  stateOf(player: Player): string | undefined {
    return this.#grants.get(player.grantId)?.state;
  }

  /** Lets time pass second by second; every player asks when it is due. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second += 1) {
      this.#lastSecond = this.#snapshot();
      const now = this.clock.now();
      for (const player of this.players) if (player.asksAtMs <= now) void this.#ask(player);
      await settled();
      this.clock.advance(SECOND_MS);
    }
  }

  async #ask(player: Player): Promise<void> {
    const service = this.#services[player.process] as NowggTokenService;
    player.asksAtMs = Number.POSITIVE_INFINITY;
    try {
      const { expiresAt } = await service.getAccessToken(player.grantId);
      player.asksAtMs = Math.max(expiresAt?.getTime() ?? 0, this.clock.now() + SECOND_MS);
    } catch (error) {
      if (error instanceof ReauthenticationRequiredError) this.#told(player);
      else if (error instanceof IdentityUnavailableError) {
        player.mayHaveSignedIn ||= error instanceof GrantInDoubtError;
        player.asksAtMs = this.clock.now() + error.retryAfterSeconds * SECOND_MS;
      } else this.surprises.push(error);
    }
  }

  #told(player: Player): void {
    player.toldAtMs = this.clock.now();
    if (!player.isEnded) this.wronglyDead.push(player.refreshToken);
  }

  #snapshot(): () => void {
    const grants = [...this.#grants];
    const restoreClients = this.#clients.snapshot();
    return () => {
      this.#grants.clear();
      for (const [id, grant] of grants) this.#grants.set(id, grant);
      restoreClients();
    };
  }

  async #signIn(index: number): Promise<void> {
    const { processes, players, shards, wrong, lifeMs = LIFE_MS } = this.#options;
    const refreshToken = `refresh-${index}`;
    const service = this.#services.find((_, process) => !wrong.has(process)) as NowggTokenService;
    const signingIn = service.exchangeCode(refreshToken);
    await settled();
    const { grant } = await signingIn;
    this.players.push({
      grantId: grant.id,
      refreshToken,
      shard: index % shards,
      process: index % processes,
      asksAtMs: this.clock.now() + (index / players) * lifeMs,
      isEnded: false,
      refusedAtMs: undefined,
      toldAtMs: undefined,
      mayHaveSignedIn: false,
    });
  }

  #player(index: number): Player {
    return this.players[index % this.players.length] as Player;
  }

  #boot(process: number): NowggTokenService {
    const provider = new ScriptedProvider(this.clock);
    provider.secretFingerprint = () => (this.wrong.has(process) ? `wrong-${process}` : RIGHT);
    const tokens = (): TokenOutcome => {
      const accessTokenExpiresAtMs = this.clock.now() + (this.#options.lifeMs ?? LIFE_MS);
      return { status: 'tokens', tokens: { accessToken: `access of ${process}`, accessTokenExpiresAtMs } };
    };
    provider.exchangeCode = async ({ code }) => {
      const issued = tokens();
      return issued.status === 'tokens'
        ? { status: 'tokens', tokens: { ...issued.tokens, refreshToken: code } }
        : issued;
    };
    provider.refresh = async (refreshToken) => {
      const now = this.clock.now();
      this.asked.set(now, (this.asked.get(now) ?? 0) + 1);
      if (now < this.#outageUntilMs) return { status: 'in_doubt', reason: 'network' };
      const player = this.players.find((each) => each.refreshToken === refreshToken);
      const isRefused =
        this.wrong.has(process) ||
        now < this.#allRefusedUntilMs ||
        (player !== undefined && (player.isEnded || now < (this.#refusing.get(player.shard) ?? 0)));
      if (!isRefused) return tokens();
      if (player?.isEnded) player.refusedAtMs ??= now;
      return { status: 'refused', code: 'NO', isFinal: false };
    };
    return new NowggTokenService({
      store: this.#store,
      identityProviders: new IdentityProviders([provider]),
      authenticator: authenticatorOf('player'),
      clock: this.clock,
      options: DEFAULT_OPTIONS,
    });
  }
}
