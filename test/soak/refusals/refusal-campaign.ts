import { setTimeout as pause } from 'node:timers/promises';
import type { NowggEmulator } from 'nowgg-emulator';
import { startNowgg } from '../../support/token-service/token-suite.js';
import { TokenWorker } from '../../support/token-service/token-worker.js';
import { reasonOfLoss } from '../final-check.js';
import { SeededRandom } from '../random.js';
import type { SoakDatabase } from '../soak-database.js';
import type { Member } from '../team.js';
import { Player } from './players.js';
import { Replica } from './replica.js';
import { Trace } from './trace.js';
import { RefusalFaults, SHARDS } from './refusal-faults.js';
import { REFUSAL_DURATIONS, REFUSAL_TIMING, SCALE } from './timing.js';

export interface RefusalsReport {
  readonly faults: number;
  readonly grants: number;
  /** Grants that now.gg has really ended. */
  readonly ended: number;
  /** Of these, the ones whose players were told so. */
  readonly told: number;
  /** Median time from the first refusal to that, in milliseconds of the accelerated schedule. */
  readonly toldMedianMs: number;
  readonly wronglyDead: number;
  readonly lost: number;
  /**
   * Batches in which a refusal lasted for longer than the rule allows, because this machine was busy. They are repeated
   * with other faults, and nothing of them counts.
   */
  readonly brokenPlans: readonly string[];
  readonly findings: readonly string[];
}

export interface RefusalsOptions {
  readonly faults: number;
  readonly seed: number;
  /** No fault begins after this, `performance.now()`. */
  readonly until: number;
}

const PLAYERS = 30;
const RIGHT_PROCESSES = 4;
/** Faults at the same grants; then there are new ones. */
const FAULTS_IN_ONE_BATCH = 40;
const BETWEEN_FAULTS_MS = { shortest: 3_000 / SCALE, longest: 12_000 / SCALE };
/** Longer than the schedule needs to decide about a grant. */
const CALM_MS = 90_000 / SCALE;
const MOST_BROKEN_PLANS = 10;

/** Refusals that mean different things, at the same time, with one process whose client secret is wrong. */
export async function soakRefusals(database: SoakDatabase, options: RefusalsOptions): Promise<RefusalsReport> {
  await using nowgg = await startNowgg('never');
  const settings = {
    databaseUrl: database.url,
    schema: database.schema,
    nowggUrl: nowgg.url,
    // The connections of a campaign beside this one are not cut with its own.
    applicationName: database.schema,
    applicationPoolSize: 2,
    durations: REFUSAL_DURATIONS,
    timing: REFUSAL_TIMING,
  };
  const start = async () => TokenWorker.start(settings);
  const right = await Promise.all(Array.from({ length: RIGHT_PROCESSES }, start));
  const wrong = await TokenWorker.start({ ...settings, clientSecret: 'a mistyped secret' });
  // Has time, so that a busy machine makes no grant look lost.
  const durations = { ...REFUSAL_DURATIONS, softDeadlineMs: 60_000, leaseMs: 60_000 };
  // The record of now.gg leaves out names that are long enough for a secret.
  const name = `outsider-${database.schema.slice(-8)}`;
  const outsider = { name, worker: await TokenWorker.start({ ...settings, applicationName: name, durations }) };
  const random = new SeededRandom(options.seed, 77);
  const batches: Batch[] = [];
  const broken: Batch[] = [];
  try {
    for (let done = 0; done < options.faults && performance.now() < options.until; ) {
      const faults = Math.min(FAULTS_IN_ONE_BATCH, options.faults - done);
      const batch = new Batch({ nowgg, database, right, wrong, outsider, start });
      await batch.run(faults, random, options.until);
      if (batch.isPlanBroken) broken.push(batch);
      else batches.push(batch);
      if (broken.length > MOST_BROKEN_PLANS) throw new Error('this machine is too busy for the refusals');
      done += batch.isPlanBroken ? 0 : batch.faults;
    }
  } finally {
    await Promise.all([...right, wrong, outsider.worker].map(async (worker) => worker.kill()));
  }
  return { ...reportOf(batches), brokenPlans: broken.map((batch) => batch.describeBrokenPlan()) };
}

interface Around {
  readonly nowgg: NowggEmulator;
  readonly database: SoakDatabase;
  /** Processes with the right secret; one that was killed is replaced in place. */
  readonly right: TokenWorker[];
  readonly wrong: TokenWorker;
  /** Takes no part, and checks what is left. */
  readonly outsider: Member;
  readonly start: () => Promise<TokenWorker>;
}

/** Faults that befall the same players. */
class Batch {
  readonly #around: Around;
  readonly players: Player[] = [];
  /** Why players get no token although now.gg has not ended their grants. */
  readonly lost = new Map<Player, string>();
  readonly findings: string[] = [];
  faults = 0;
  /** Whether a refusal lasted for longer than the rule allows. */
  isPlanBroken = false;
  #longestRefusalMs = 0;

  constructor(around: Around) {
    this.#around = around;
  }

  async run(faults: number, random: SeededRandom, until: number): Promise<void> {
    const { nowgg, database, right } = this.#around;
    for (let index = 0; index < PLAYERS; index += 1) await this.#newPlayer(index);
    const replica = await Replica.start(database);
    const trace = await Trace.start(database);
    const playing = this.players.map(async (player) => player.play());
    const stage = {
      nowgg,
      players: this.players,
      replica,
      trace,
      processes: () => right,
      replaceProcess: async (index: number) => this.#replaceProcess(index % right.length),
    };
    const course = new RefusalFaults(stage, random);
    while (this.faults < faults && performance.now() < until) {
      if (await course.begin()) this.faults += 1;
      await pause(random.between(BETWEEN_FAULTS_MS.shortest, BETWEEN_FAULTS_MS.longest));
    }
    await course.over();
    await pause(CALM_MS);
    for (const player of this.players) player.leave();
    await Promise.all(playing);
    await replica.stop();
    await this.#check();
    this.isPlanBroken = course.isPlanBroken;
    this.#longestRefusalMs = course.longestRefusalMs;
    await this.#describeFindings(trace);
    await trace.stop();
  }

  /** Says what would have counted, so that it is not excused in silence. */
  describeBrokenPlan(): string {
    const lasted = `a refusal lasted ${Math.round(this.#longestRefusalMs)} ms`;
    return [`plan broken: ${lasted}, ${this.faults} faults repeated`, ...this.findings].join('\n');
  }

  async #describeFindings(trace: Trace): Promise<void> {
    for (const [index, player] of this.players.entries()) {
      const reason = this.lost.get(player);
      if (!player.isWronglyDead && reason === undefined) continue;
      const what = reason === undefined ? 'told to sign in although its grant works' : `gives no token: ${reason}`;
      const place = `shard ${index % SHARDS}, process ${index % RIGHT_PROCESSES}`;
      const lines = await trace.of(player, this.#around.nowgg, player.toldAt ?? performance.now());
      this.findings.push([`refusals ${player.grant.userId}, ${place}: ${what}`, ...lines].join('\n'));
    }
  }

  async #check(): Promise<void> {
    const { nowgg, outsider } = this.#around;
    const left = this.players.filter(({ endedAt }) => endedAt === undefined);
    // One after the other, so that the check itself puts no load on a busy machine.
    for (const player of left) {
      const reason = await reasonOfLoss(nowgg, player.grant, outsider);
      if (reason !== undefined) this.lost.set(player, reason);
    }
  }

  async #newPlayer(index: number): Promise<void> {
    const { nowgg, database, right, wrong } = this.#around;
    const grant = await database.createGrant(nowgg);
    // A tenth of the questions goes to the process with the wrong secret.
    let questions = index;
    const processOf = () => {
      questions += 1;
      return questions % 10 === 0 ? wrong : (right[index % right.length] as TokenWorker);
    };
    this.players.push(new Player(grant, processOf));
  }

  async #replaceProcess(index: number): Promise<void> {
    const { right, start } = this.#around;
    const [killed, next] = [right[index] as TokenWorker, await start()];
    right[index] = next;
    await killed.kill();
  }
}

function reportOf(batches: readonly Batch[]): Omit<RefusalsReport, 'brokenPlans'> {
  const players = batches.flatMap((batch) => batch.players);
  const lost = batches.flatMap((batch) => [...batch.lost.keys()]);
  const dead = players.filter(({ isWronglyDead }) => isWronglyDead);
  const ended = players.filter(({ endedAt }) => endedAt !== undefined);
  const toldMs = ended.flatMap(({ doubtedAt, toldAt }) => (toldAt === undefined ? [] : toldAt - (doubtedAt ?? toldAt)));
  return {
    faults: batches.reduce((sum, batch) => sum + batch.faults, 0),
    grants: players.length,
    ended: ended.length,
    told: toldMs.length,
    toldMedianMs: Math.round(toldMs.toSorted((a, b) => a - b)[toldMs.length >> 1] ?? 0),
    wronglyDead: dead.length,
    lost: lost.length,
    findings: batches.flatMap((batch) => batch.findings),
  };
}
