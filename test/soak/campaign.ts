import { setTimeout as pause } from 'node:timers/promises';
import type { NowggEmulator, RefreshTokenRotation } from 'nowgg-emulator';
import { startNowgg } from '../support/token-service/token-suite.js';
import { audit, type GrantHistory, type ModeAudit } from './audit.js';
import { CALLS_ARE_OVER_MS, EpisodeRun } from './episode-run.js';
import { reasonOfLoss } from './final-check.js';
import { DURATIONS, faultsOf, planEpisode, USUAL_LATENCY } from './plan.js';
import type { SoakDatabase, SoakGrant } from './soak-database.js';
import { Team } from './team.js';

export interface CampaignOptions {
  readonly faults: number;
  readonly seed: number;
  /** Teams of three processes for each mode. */
  readonly teams: number;
  /** No episode begins after this, `performance.now()`. */
  readonly until: number;
}

export interface ModeReport extends ModeAudit {
  readonly mode: RefreshTokenRotation;
  readonly faults: number;
  /** Processes that ended without being told to. */
  readonly crashes: number;
}

interface SoakedGrant extends SoakGrant {
  expiries: number;
  wasCalledDead: boolean;
}

const TEAM_SIZE = 3;
/** More than teams: a grant rests until late calls about it are over. */
const GRANTS = 40;
const CHECKS_AT_ONCE = 3;
/** The check has time, so that a busy machine makes no grant look lost. */
const PATIENT = { ...DURATIONS, leaseMs: 60_000, softDeadlineMs: 60_000 };

/** Faults over many grants with one kind of identity system, and what the auditor finds when they are over. */
export class Campaign {
  readonly #mode: RefreshTokenRotation;
  readonly #database: SoakDatabase;
  readonly #nowgg: NowggEmulator;
  readonly #options: CampaignOptions;
  readonly #all: SoakedGrant[] = [];
  readonly #resting: SoakedGrant[] = [];
  readonly #killed = new Set<string>();
  readonly #ended = new Set<string>();
  #episodes = 0;
  #faults = 0;
  #planned = 0;
  #crashes = 0;

  private constructor(
    mode: RefreshTokenRotation,
    database: SoakDatabase,
    nowgg: NowggEmulator,
    options: CampaignOptions,
  ) {
    this.#mode = mode;
    this.#database = database;
    this.#nowgg = nowgg;
    this.#options = options;
  }

  static async run(mode: RefreshTokenRotation, database: SoakDatabase, options: CampaignOptions): Promise<ModeReport> {
    await using nowgg = await startNowgg(mode);
    nowgg.setFault(USUAL_LATENCY);
    const campaign = new Campaign(mode, database, nowgg, options);
    await campaign.#soak();
    return await campaign.#audit();
  }

  async #soak(): Promise<void> {
    for (let made = 0; made < GRANTS; made += 1) await this.#newGrant();
    const lanes = Array.from({ length: this.#options.teams }, async () => {
      const team = await Team.start(TEAM_SIZE, this.#database, this.#nowgg.url);
      try {
        while (await this.#episode(team));
        await team.ready(this.#ended);
      } finally {
        this.#crashes += team.crashes;
        await team.stop();
      }
    });
    await Promise.all(lanes);
  }

  /** @returns false when there is nothing left to do */
  async #episode(team: Team): Promise<boolean> {
    const { seed, faults, until } = this.#options;
    const left = faults - this.#planned;
    if (left <= 0 || performance.now() > until) return false;
    this.#episodes += 1;
    const episode = planEpisode(seed, this.#mode, this.#episodes, left);
    this.#planned += faultsOf(episode);
    const grant = this.#resting.shift();
    if (!grant) throw new Error('fewer grants than teams');
    const around = { nowgg: this.#nowgg, database: this.#database };
    const report = await new EpisodeRun(around, episode, grant, await team.ready(this.#ended)).run();
    for (const name of report.killed) this.#killed.add(name);
    for (const name of report.ended) this.#ended.add(name);
    grant.expiries += 1;
    grant.wasCalledDead ||= report.wasCalledDead;
    this.#faults += report.faults;
    // What came too late to be a fault is made up for by another episode.
    this.#planned -= faultsOf(episode) - report.faults;
    if (report.isFresh) this.#resting.push(grant);
    else await this.#newGrant();
    return true;
  }

  async #newGrant(): Promise<void> {
    const grant = await this.#database.createGrant(this.#nowgg);
    const soaked = { ...grant, expiries: 0, wasCalledDead: false };
    this.#all.push(soaked);
    this.#resting.push(soaked);
  }

  async #audit(): Promise<ModeReport> {
    await pause(CALLS_ARE_OVER_MS);
    const book = this.#nowgg.requests.filter(({ grantType }) => grantType === 'refresh_token');
    const states = await this.#database.states();
    const reasons = await this.#reasonsOfLoss();
    const histories = this.#all.map(({ grantId, userId, expiries, wasCalledDead }): GrantHistory => {
      const state = states.get(grantId)?.state ?? 'gone';
      const calls = book.filter((call) => call.userId === userId);
      return { userId, mode: this.#mode, expiries, calls, state, wasCalledDead, reasonOfLoss: reasons.get(grantId) };
    });
    return { mode: this.#mode, faults: this.#faults, crashes: this.#crashes, ...audit(histories, this.#killed) };
  }

  /** Why grants give no tokens any more, asked for by a process that took no part; nothing of the grants that live. */
  async #reasonsOfLoss(): Promise<ReadonlyMap<string, string>> {
    const reasons = new Map<string, string>();
    const team = await Team.start(1, this.#database, this.#nowgg.url, PATIENT);
    const [outsider] = await team.ready(this.#ended);
    if (!outsider) throw new Error('no process');
    const left = [...this.#all];
    const lane = async () => {
      for (let grant = left.shift(); grant; grant = left.shift()) {
        const reason = await reasonOfLoss(this.#nowgg, grant, outsider);
        if (reason !== undefined) reasons.set(grant.grantId, reason);
      }
    };
    await Promise.all(Array.from({ length: CHECKS_AT_ONCE }, lane));
    await team.stop();
    return reasons;
  }
}
