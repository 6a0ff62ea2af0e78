import { randomUUID } from 'node:crypto';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { TrackedState } from '../events/state-events.js';
import type { IdentityProvider, RefreshTokenIdle } from '../identity/identity-provider.js';
import type { ResolvedKeepAliveOptions } from '../options/options.js';
import { TokenBucket } from '../resilience/token-bucket.js';
import type { NowggTokenService } from '../tokens/nowgg-token-service.js';
import type { TokenStore } from '../tokens/store/token-store.js';
import { KeepAlivePass, type KeepAliveReport } from './keep-alive-pass.js';

/** Options of {@link NowggKeepAliveService.run}. */
export interface KeepAliveRunOptions {
  /** Renews nothing and only counts. Default false. */
  readonly dryRun?: boolean;
  /** Ends the work after the calls in progress; the next run goes on with what is left. */
  readonly signal?: AbortSignal;
}

interface NowggKeepAliveServiceParts {
  readonly store: TokenStore;
  readonly providers: Iterable<IdentityProvider>;
  readonly tokens: Pick<NowggTokenService, 'refresh'>;
  readonly clock: NowggClock;
  readonly options: ResolvedKeepAliveOptions;
}

/** Under this name a process claims the next look at a client's grants, of all processes. */
const CLAIM = 'keep-alive';
const DAY_MS = 86_400_000;

/**
 * Renews grants that were not used for so long that the identity system would soon forget their refresh token. With
 * `tokens.keepAlive`, one process at a time does it by itself. Each renewal is a refresh like any other: at most one for
 * a token set in all processes.
 *
 * @example
 * ```ts
 * import { Injectable } from '@nestjs/common';
 * import { NowggKeepAliveService } from 'nestjs-nowgg-auth';
 *
 * @Injectable()
 * export class KeepAliveJob {
 *   constructor(private readonly keepAlive: NowggKeepAliveService) {}
 *
 *   async preview() {
 *     const reports = await this.keepAlive.run({ dryRun: true });
 *     return reports.map(({ provider, due }) => `${provider}: ${due} grants are due`);
 *   }
 * }
 * ```
 */
export class NowggKeepAliveService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #parts: NowggKeepAliveServiceParts;
  readonly #rate: TokenBucket;
  readonly #closing = new AbortController();
  readonly #states = new Map<string, TrackedState>();
  #schedule: Promise<void> | undefined;

  constructor(parts: NowggKeepAliveServiceParts) {
    this.#parts = parts;
    const { perSecond } = parts.options;
    this.#rate = new TokenBucket(parts.clock, { perSecond, burst: Math.max(1, perSecond) });
  }

  onApplicationBootstrap(): void {
    if (this.#parts.options.isScheduled) this.#schedule = this.#run();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#closing.abort();
    await this.#schedule;
    for (const state of this.#states.values()) state.drop();
  }

  /**
   * Looks at the grants of each client once, and renews those whose turn it is, within `tokens.keepAlive.perSecond`. May be
   * interrupted and run in several processes.
   *
   * @returns a report for each provider that can refresh
   * @throws StoreUnavailableError when the database cannot be read
   *
   * @example
   * ```ts
   * import { NowggKeepAliveService } from 'nestjs-nowgg-auth';
   *
   * export async function nightly(keepAlive: NowggKeepAliveService) {
   *   const reports = await keepAlive.run();
   *   return reports.filter(({ failed }) => failed > 0);
   * }
   * ```
   */
  async run({ dryRun = false, signal }: KeepAliveRunOptions = {}): Promise<readonly KeepAliveReport[]> {
    const reports: KeepAliveReport[] = [];
    for (const provider of this.#refreshing()) reports.push(await this.#look(provider, dryRun, signal));
    return reports;
  }

  #refreshing(): IdentityProvider[] {
    return [...this.#parts.providers].filter(({ canObtainTokens }) => canObtainTokens);
  }

  async #look(provider: IdentityProvider, dryRun: boolean, signal: AbortSignal | undefined): Promise<KeepAliveReport> {
    const { store, clock, tokens } = this.#parts;
    const signals = signal ? [signal, this.#closing.signal] : [this.#closing.signal];
    const report = await new KeepAlivePass({
      store,
      clock,
      client: { provider: provider.name, clientKey: provider.clientKey },
      idle: this.#idleOf(provider),
      rate: this.#rate,
      refresh: async ({ id, generation }) => tokens.refresh(id, { ifGeneration: generation }),
      dryRun,
      signal: AbortSignal.any(signals),
      startAfter: randomUUID(),
    }).run();
    if (!dryRun) this.#tell(report);
    return report;
  }

  #idleOf({ name, refreshTokenIdle }: IdentityProvider): RefreshTokenIdle | undefined {
    const { idleMs } = this.#parts.options;
    const given = Object.hasOwn(idleMs, name) ? idleMs[name] : undefined;
    return given === undefined ? refreshTokenIdle : { ms: given, since: 'use' };
  }

  /** The state lasts while renewals fail, and names how soon the first of these grants lapses. */
  #tell({ provider, failed, firstLapseAt, complete }: KeepAliveReport): void {
    const state = this.#stateOf(provider);
    if (failed > 0 && firstLapseAt) {
      const days = Math.max(0, Math.floor((firstLapseAt.getTime() - this.#parts.clock.now()) / DAY_MS));
      state.begin(`in ${days} days`);
    } else if (complete) state.end();
  }

  #stateOf(provider: string): TrackedState {
    const known = this.#states.get(provider) ?? new TrackedState(this.#parts.clock, 'grants_lapsing', provider);
    this.#states.set(provider, known);
    return known;
  }

  /** Looks again and again, until the application ends. */
  async #run(): Promise<void> {
    const { clock, options } = this.#parts;
    const { everyMs } = options;
    // Processes that start together do not look together, and a process that is restarted often still gets its turn.
    for (let waitMs = Math.random() * Math.min(everyMs, 60_000); ; waitMs = everyMs) {
      try {
        await clock.wait(waitMs, this.#closing.signal);
      } catch {
        // The application ends.
        return;
      }
      await this.#lookInTurn();
    }
  }

  async #lookInTurn(): Promise<void> {
    const { store, options } = this.#parts;
    for (const provider of this.#refreshing()) {
      try {
        const claim = { clientKey: provider.clientKey, secret: CLAIM };
        // A little less than the time between two looks, so that the clocks of two processes do not skip one.
        if (!(await store.takeDesignatedAttempt(claim, options.everyMs * 0.9))) {
          // Another process looks now and tells how the renewals stand: what this one has seen is old.
          this.#stateOf(provider.name).end();
          continue;
        }
        // After this time another process takes its turn.
        const ended = AbortSignal.timeout(options.everyMs);
        await this.#look(provider, false, ended);
      } catch {
        // The state store_unavailable tells it. The next look tries again.
      }
    }
  }
}
