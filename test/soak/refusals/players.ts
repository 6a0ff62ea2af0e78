import { setTimeout as pause } from 'node:timers/promises';
import type { TokenWorker } from '../../support/token-service/token-worker.js';
import type { SoakGrant } from '../soak-database.js';
import { now, SCALE } from './timing.js';

/** Time after which a player asks again, in milliseconds. */
const ASKS_EVERY_MS = { served: 16_000 / SCALE, refused: 2_500 / SCALE };

/** A player of the soak. Times are `performance.now()`. */
export class Player {
  /** When now.gg ended the grant, if it did. */
  endedAt: number | undefined;
  /** When a caller was first refused after that. */
  doubtedAt: number | undefined;
  toldAt: number | undefined;
  isWronglyDead = false;
  /** Every answer, in epoch milliseconds. */
  readonly answers: { at: number; text: string }[] = [];
  #isLeaving = false;

  /** @param processOf the process that serves the player now */
  constructor(
    readonly grant: SoakGrant,
    readonly processOf: () => TokenWorker,
  ) {}

  leave(): void {
    this.#isLeaving = true;
  }

  /** Asks for a new token again and again, as a client does, until it is told that the session has ended. */
  async play(): Promise<void> {
    while (!this.#isLeaving && this.toldAt === undefined) {
      const askedAt = now();
      const [answer] = await this.processOf().do('refresh', { grantId: this.grant.grantId });
      const error = answer && 'error' in answer ? answer.error : undefined;
      this.answers.push({
        at: now(),
        text: `answer: ${error ?? (answer ? 'token' : 'none')}, ${Math.round(now() - askedAt)} ms`,
      });
      if (error === 'reauthentication_required') {
        this.toldAt = performance.now();
        this.isWronglyDead = this.endedAt === undefined;
      }
      if (error === 'grant_in_doubt' && this.endedAt !== undefined) this.doubtedAt ??= performance.now();
      await pause(answer && 'value' in answer ? ASKS_EVERY_MS.served : ASKS_EVERY_MS.refused);
    }
  }
}
