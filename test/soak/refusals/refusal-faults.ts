import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, NowggEmulator } from 'nowgg-emulator';
import { refusal } from '../../support/token-service/token-suite.js';
import type { TokenWorker } from '../../support/token-service/token-worker.js';
import type { SeededRandom } from '../random.js';
import type { Replica } from './replica.js';
import type { Player } from './players.js';

/** Everything happens twenty times as fast as in production. */
const SCALE = 20;
const SHARD_FAULT_MS = 20_000 / SCALE;
/** Time after a fault of a shard before the next one begins; see `refusalSlackMs`. */
const BETWEEN_SHARD_FAULTS_MS = 26_000 / SCALE + 500;
export const SHARDS = 6;

export const REFUSAL_TIMING = {
  refusalPausesMs: [2_000, 4_000, 8_000, 11_000].map((ms) => ms / SCALE),
  refusedRetryMs: 60_000 / SCALE,
  refusalSlackMs: 15_000 / SCALE,
  refusalsApartMs: 25_000 / SCALE,
  designatedEveryMs: 1_000 / SCALE,
  designatedApartMs: 10_000 / SCALE,
  workingMs: 60_000 / SCALE,
  clientNewsMs: 1_000 / SCALE,
};
export const REFUSAL_DURATIONS = { leaseMs: 1_000, softDeadlineMs: 1_500, lateReplyMs: 3_000, forcedRefreshMs: 0 };

/** What a fault can befall. */
export interface Stage {
  readonly nowgg: NowggEmulator;
  readonly players: readonly Player[];
  readonly replica: Replica;
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
  #nextShardAt = 0;

  constructor(stage: Stage, random: SeededRandom) {
    this.#stage = stage;
    this.#random = random;
  }

  /** @returns whether the fault could happen now */
  async begin(): Promise<boolean> {
    const { nowgg, players, replica, replaceProcess, processes } = this.#stage;
    const index = this.#random.between(0, 1_000);
    const kind = this.#random.pick(KINDS);
    switch (kind) {
      case 'shard':
        return this.#shard(index % SHARDS);
      case 'end': {
        const player = players[index % players.length];
        if (!player || player.endedAt !== undefined) return false;
        nowgg.setBanned(player.grant.userId, true);
        player.endedAt = performance.now();
        return true;
      }
      case 'outage':
        return this.#for(this.#random.pick<Fault>([{ kind: 'status', status: 502 }, { kind: 'reset' }]), 1_500);
      case 'refuse_all':
        return this.#isFreeToRefuse() && this.#for(refusal('REFUSED'), SHARD_FAULT_MS);
      case 'slow':
        return this.#for({ kind: 'latency', ms: 1_200, when: 'after' }, 1_500);
      case 'failover':
        await replica.takeOver();
        return true;
      case 'kill':
        await replaceProcess(index);
        return true;
      case 'freeze': {
        const all = processes();
        const process = all[index % all.length] as TokenWorker;
        process.freeze();
        this.#lasting.push(pause(this.#random.between(200, 1_500)).then(() => process.thaw()));
        return true;
      }
    }
  }

  /** Resolves when every fault is over. */
  async over(): Promise<void> {
    await Promise.all(this.#lasting);
    this.#stage.nowgg.clearFaults();
  }

  #for(fault: Fault, longestMs: number): boolean {
    const { nowgg } = this.#stage;
    const standing: Fault = { ...fault, endpoint: 'token' };
    nowgg.setFault(standing);
    const ends = pause(this.#random.between(longestMs / 4, longestMs)).then(() => nowgg.clearFault(standing));
    this.#lasting.push(ends);
    return true;
  }

  /** Two refusing faults in a row would refuse a player for longer than the 20 seconds that must end nothing. */
  #isFreeToRefuse(): boolean {
    if (performance.now() < this.#nextShardAt) return false;
    this.#nextShardAt = performance.now() + SHARD_FAULT_MS + BETWEEN_SHARD_FAULTS_MS;
    return true;
  }

  #shard(shard: number): boolean {
    const { nowgg, players } = this.#stage;
    if (!this.#isFreeToRefuse()) return false;
    const faults = players
      .filter((_, index) => index % SHARDS === shard)
      .map(({ grant: { userId } }): Fault => ({ ...refusal('REFUSED'), userId }));
    for (const fault of faults) nowgg.setFault(fault);
    const clear = async () => {
      await pause(SHARD_FAULT_MS);
      for (const fault of faults) nowgg.clearFault(fault);
    };
    this.#lasting.push(clear());
    return true;
  }
}
