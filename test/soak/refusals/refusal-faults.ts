import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, NowggEmulator } from 'nowgg-emulator';
import { refusal } from '../../support/token-service/token-suite.js';
import type { TokenWorker } from '../../support/token-service/token-worker.js';
import type { SeededRandom } from '../random.js';
import type { Replica } from './replica.js';
import type { Player } from './players.js';
import { BETWEEN_REFUSALS_MS, LONGEST_REFUSAL_MS, REFUSES_MS } from './timing.js';
import type { Trace } from './trace.js';

export const SHARDS = 6;

/** What a fault can befall. */
export interface Stage {
  readonly nowgg: NowggEmulator;
  readonly players: readonly Player[];
  readonly replica: Replica;
  readonly trace: Trace;
  /** Kills a process with the right secret and starts another one in its place. */
  readonly replaceProcess: (index: number) => Promise<void>;
  readonly processes: () => readonly TokenWorker[];
}

export type RefusalFault = 'shard' | 'end' | 'outage' | 'refuse_all' | 'failover' | 'kill' | 'freeze' | 'slow';

const KINDS: readonly [RefusalFault, ...RefusalFault[]] = [
  'shard',
  'shard',
  'end',
  'end',
  'outage',
  'refuse_all',
  'failover',
  'failover',
  'kill',
  'freeze',
  'slow',
];

/** Carries out faults on the stage. One fault may begin while an earlier one lasts. */
export class RefusalFaults {
  readonly #stage: Stage;
  readonly #random: SeededRandom;
  readonly #lasting: Promise<unknown>[] = [];
  #mayRefuseAt = 0;
  /** How long the longest refusing fault really lasted, in milliseconds. */
  longestRefusalMs = 0;

  constructor(stage: Stage, random: SeededRandom) {
    this.#stage = stage;
    this.#random = random;
  }

  /** Whether a refusing fault lasted for so long that it may end grants. */
  get isPlanBroken(): boolean {
    return this.longestRefusalMs > LONGEST_REFUSAL_MS;
  }

  /** @returns whether the fault could happen now */
  async begin(): Promise<boolean> {
    const { players, replica, replaceProcess, processes, trace, nowgg } = this.#stage;
    const index = this.#random.between(0, 1_000);
    const kind = this.#random.pick(KINDS);
    switch (kind) {
      case 'shard':
        return this.#refuses(this.#facesOf(index % SHARDS), REFUSES_MS, `shard ${index % SHARDS} refuses`);
      case 'end': {
        const player = players[index % players.length];
        if (!player || player.endedAt !== undefined) return false;
        trace.note(`end of ${player.grant.userId}`);
        nowgg.setBanned(player.grant.userId, true);
        player.endedAt = performance.now();
        return true;
      }
      case 'outage':
        return this.#outage(this.#random.pick<Fault>([{ kind: 'status', status: 502 }, { kind: 'reset' }]));
      case 'refuse_all':
        return this.#refuses([refusal('REFUSED')], this.#lasts(REFUSES_MS), 'everything is refused');
      case 'slow':
        return this.#outage({ kind: 'latency', ms: 1_200, when: 'after' });
      case 'failover':
        await trace.lasting('failover', replica.takeOver());
        return true;
      case 'kill':
        await trace.lasting(`kill of process ${index % processes().length}`, replaceProcess(index));
        return true;
      case 'freeze': {
        const all = processes();
        const process = all[index % all.length] as TokenWorker;
        process.freeze();
        const thawing = pause(this.#random.between(200, 1_500)).then(() => process.thaw());
        this.#lasting.push(trace.lasting(`freeze of process ${index % all.length}`, thawing));
        return true;
      }
    }
  }

  /** Resolves when every fault is over. */
  async over(): Promise<void> {
    await Promise.all(this.#lasting);
    this.#stage.nowgg.clearFaults();
  }

  #lasts(longestMs: number): number {
    return this.#random.between(longestMs / 4, longestMs);
  }

  #outage(fault: Fault): boolean {
    const standing: Fault = { ...fault, endpoint: 'token' };
    this.#lasting.push(this.#stage.trace.lasting(fault.kind, this.#stand([standing], this.#lasts(1_500))));
    return true;
  }

  #facesOf(shard: number): Fault[] {
    const inShard = this.#stage.players.filter((_, index) => index % SHARDS === shard);
    return inShard.map(({ grant: { userId } }): Fault => ({ ...refusal('REFUSED'), userId }));
  }

  /** Two refusing faults in a row would refuse a player for longer than the 20 seconds that must end nothing. */
  #refuses(faults: readonly Fault[], ms: number, name: string): boolean {
    if (performance.now() < this.#mayRefuseAt) return false;
    this.#mayRefuseAt = Number.POSITIVE_INFINITY;
    this.#lasting.push(this.#stage.trace.lasting(name, this.#standMeasured(faults, ms)));
    return true;
  }

  /** By the clock and not by the plan: a busy machine ends a fault late. */
  async #standMeasured(faults: readonly Fault[], ms: number): Promise<void> {
    const startedAt = performance.now();
    await this.#stand(faults, ms);
    this.longestRefusalMs = Math.max(this.longestRefusalMs, performance.now() - startedAt);
    this.#mayRefuseAt = performance.now() + BETWEEN_REFUSALS_MS;
  }

  async #stand(faults: readonly Fault[], ms: number): Promise<void> {
    const { nowgg } = this.#stage;
    for (const fault of faults) nowgg.setFault(fault);
    await pause(ms);
    for (const fault of faults) nowgg.clearFault(fault);
  }
}
