import { setTimeout as pause } from 'node:timers/promises';
import type { AccessToken } from '../../libs/nowgg-auth/src/tokens/store/grant.js';
import type { NowggEmulator } from 'nowgg-emulator';
import type { Answer } from '../support/token-service/token-worker-messages.js';
import { DURATIONS, type Episode, type Moment, type Strike } from './plan.js';
import type { SoakDatabase, SoakGrant } from './soak-database.js';
import type { Member } from './team.js';

export interface EpisodeReport {
  /** Faults that happened; one may have come too late. */
  readonly faults: number;
  /** Names of the processes that were killed. */
  readonly killed: readonly string[];
  /** The same with those that were told to shut down. */
  readonly ended: readonly string[];
  /** Whether a caller had a new token in the end. */
  readonly isFresh: boolean;
  /** Whether a caller was told that the player has to sign in again. */
  readonly wasCalledDead: boolean;
}

/** Longest time for the processes that are left to come to a new token: several leases and a harvest. */
const PATIENCE_MS = 60_000;
const ASK_AGAIN_MS = 40;
const LOOK_EVERY_MS = 4;
const CUT_EVERY_MS = 20;

/** One expiry of a grant: every process asks for its token while things go wrong. */
export class EpisodeRun {
  readonly #nowgg: NowggEmulator;
  readonly #database: SoakDatabase;
  readonly #episode: Episode;
  readonly #grant: SoakGrant;
  readonly #members: readonly Member[];
  readonly #killed: string[] = [];
  readonly #shutDown: string[] = [];
  /** Everything that has to be over before the grant is left alone. */
  readonly #aftermath: Promise<unknown>[] = [];
  #oldGeneration = 0;
  #strikes = 0;
  #isFresh = false;
  #wasCalledDead = false;

  constructor(
    around: { readonly nowgg: NowggEmulator; readonly database: SoakDatabase },
    episode: Episode,
    grant: SoakGrant,
    members: readonly Member[],
  ) {
    this.#nowgg = around.nowgg;
    this.#database = around.database;
    this.#episode = episode;
    this.#grant = grant;
    this.#members = members;
  }

  async run(): Promise<EpisodeReport> {
    const { strikes, endpointFaults, joinAfterMs } = this.#episode;
    const { userId } = this.#grant;
    for (const fault of endpointFaults) this.#nowgg.setFault({ ...fault, endpoint: 'token', userId, count: 1 });
    this.#oldGeneration = await this.#database.expire(this.#grant.grantId);
    const struck = this.#strikeAll();
    // A second process can only be hit at a step of its refresh if no third one is faster.
    await (strikes.length > 1 ? struck : pause(joinAfterMs));
    const others = this.#members.slice(strikes.length);
    await Promise.all(others.map((member) => this.#askUntilFresh(member)));
    await struck;
    await Promise.all(this.#aftermath);
    const last = others.find(({ worker }) => worker.isRunning);
    if (!this.#isFresh && last) await this.#askUntilFresh(last);
    const unused = this.#nowgg.faults.filter((fault) => fault.userId === userId);
    for (const fault of unused) this.#nowgg.clearFault(fault);
    return {
      faults: this.#strikes + endpointFaults.length - unused.length,
      killed: this.#killed,
      ended: [...this.#killed, ...this.#shutDown],
      isFresh: this.#isFresh,
      wasCalledDead: this.#wasCalledDead,
    };
  }

  async #strikeAll(): Promise<void> {
    for (const [index, strike] of this.#episode.strikes.entries()) {
      const member = this.#members[index];
      if (member) await this.#befall(member, strike);
    }
  }

  async #befall(member: Member, strike: Strike): Promise<void> {
    if (strike.kind === 'use_up_pool') {
      await this.#carryOut(member, strike);
      this.#later(this.#askUntilFresh(member));
    } else if (await this.#reaches(member, strike.at)) await this.#carryOut(member, strike);
  }

  /** Has the process ask, and tells whether it came to where it is to be hit. */
  async #reaches({ name, worker }: Member, moment: Moment): Promise<boolean> {
    const order = ['getAccessToken', { grantId: this.#grant.grantId, callers: this.#episode.callers }] as const;
    if (moment !== 'asked' && typeof moment !== 'number') {
      const { answers, isHeldUp } = await worker.tryUntil(moment, ...order);
      this.#later(this.#hear(answers));
      return isHeldUp;
    }
    const callsOf = { endpoint: 'token', userAgent: name } as const;
    const callsBefore = this.#nowgg.requestCount(callsOf);
    let isAnswered = false;
    const answers = worker.do(...order).finally(() => {
      isAnswered = true;
    });
    this.#later(this.#hear(answers));
    if (typeof moment === 'number') await pause(moment);
    else {
      while (this.#nowgg.requestCount(callsOf) === callsBefore) {
        if (isAnswered) return false;
        await pause(LOOK_EVERY_MS);
      }
    }
    return true;
  }

  async #carryOut({ name, worker }: Member, { kind, ms }: Strike): Promise<void> {
    this.#strikes += 1;
    switch (kind) {
      case 'kill':
        this.#killed.push(name);
        return worker.kill();
      case 'freeze':
        worker.freeze();
        this.#later(pause(ms).then(() => worker.thaw()));
        return;
      case 'shut_down':
        this.#shutDown.push(name);
        this.#later(worker.shutDown());
        return;
      case 'cut':
        await this.#database.cutConnections(name);
        this.#later(this.#keepCut(name, ms));
        this.#later(worker.goOn());
        return;
      case 'use_up_pool':
        await worker.do('useUpPool');
        this.#later(pause(ms).then(() => worker.do('freePool')));
    }
  }

  #later(work: Promise<unknown>): void {
    this.#aftermath.push(work);
    // It is waited for at the end, where it may fail.
    work.catch(() => undefined);
  }

  async #keepCut(name: string, ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += CUT_EVERY_MS) {
      await pause(CUT_EVERY_MS);
      await this.#database.cutConnections(name);
    }
  }

  async #askUntilFresh({ worker }: Member): Promise<void> {
    const { callers } = this.#episode;
    const until = performance.now() + PATIENCE_MS;
    while (performance.now() < until && worker.isRunning) {
      const heard = await this.#hear(worker.do('getAccessToken', { grantId: this.#grant.grantId, callers }));
      if (heard !== 'nothing') return;
      await pause(ASK_AGAIN_MS);
    }
  }

  /** @throws Error when a caller was given a token of another player */
  async #hear(coming: Promise<readonly Answer[]>): Promise<'token' | 'dead' | 'nothing'> {
    let heard: 'token' | 'dead' | 'nothing' = 'nothing';
    for (const answer of await coming) {
      if ('error' in answer) {
        if (answer.error !== 'reauthentication_required') continue;
        this.#wasCalledDead = true;
        heard = 'dead';
        continue;
      }
      const { token, generation } = answer.value as AccessToken;
      if (generation <= this.#oldGeneration) throw new Error('an expired token was handed out');
      if (this.#nowgg.ownerOf(token) !== this.#grant.userId)
        throw new Error('a caller was given a token of another player');
      this.#isFresh = true;
      heard = 'token';
    }
    return heard;
  }
}

/** Longer than any call of an episode can still be under way when all callers have an answer. */
export const CALLS_ARE_OVER_MS = DURATIONS.lateReplyMs + 500;
