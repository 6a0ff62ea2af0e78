import type { TokensOptions } from '../../libs/nowgg-auth/src/options/options.js';
import { TokenWorker } from '../support/token-service/token-worker.js';
import { DURATIONS, TIMING } from './plan.js';
import type { SoakDatabase } from './soak-database.js';

/** A process with a token service, under the name by which the database and now.gg know it. */
export interface Member {
  readonly name: string;
  readonly worker: TokenWorker;
}

const POOL_SIZE = 2;
let members = 0;

/** The processes that refresh one grant at a time. Whoever ends is replaced. */
export class Team {
  readonly #database: SoakDatabase;
  readonly #nowggUrl: string;
  readonly #durations: Partial<TokensOptions>;
  #members: readonly Member[] = [];
  /** Processes that ended without being told to. */
  crashes = 0;

  private constructor(database: SoakDatabase, nowggUrl: string, durations: Partial<TokensOptions>) {
    this.#database = database;
    this.#nowggUrl = nowggUrl;
    this.#durations = durations;
  }

  static async start(size: number, database: SoakDatabase, nowggUrl: string, durations = DURATIONS): Promise<Team> {
    const team = new Team(database, nowggUrl, durations);
    team.#members = await Promise.all(Array.from({ length: size }, () => team.#newMember()));
    return team;
  }

  /**
   * In an order that moves on each time, so that each comes first once.
   * @param ended names of those that were told to end, one way or another
   */
  async ready(ended: ReadonlySet<string>): Promise<readonly Member[]> {
    const all = await Promise.all(
      this.#members.map(async (member) => {
        if (member.worker.isRunning) return member;
        if (!ended.has(member.name)) this.crashes += 1;
        return this.#newMember();
      }),
    );
    this.#members = [...all.slice(1), ...all.slice(0, 1)];
    return this.#members;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map(({ worker }) => worker.kill()));
  }

  async #newMember(): Promise<Member> {
    members += 1;
    const name = `soak-${process.pid}-${members}`;
    const worker = await TokenWorker.start({
      databaseUrl: this.#database.url,
      schema: this.#database.schema,
      applicationName: name,
      nowggUrl: this.#nowggUrl,
      refusalsAreFinal: true,
      applicationPoolSize: POOL_SIZE,
      durations: this.#durations,
      timing: TIMING,
    });
    return { name, worker };
  }
}
