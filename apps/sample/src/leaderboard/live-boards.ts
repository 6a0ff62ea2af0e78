import { EventEmitter, on } from 'node:events';
import { Injectable, Logger } from '@nestjs/common';
import type { NowggPrincipal } from 'nestjs-nowgg-auth';
import { describe } from '../http/describe-error.js';
import type { Score } from '../scores/score.entity.js';
import { ranksOf, type RankView, ScoresService } from '../scores/scores.service.js';

/** A board is read at most once in this time, however many scores come and however many players watch it. */
const pauseMs = 250;
/** So that no name of a board is `error`, which an emitter treats in a way of its own. */
const eventOf = (board: string) => `board ${board}`;

/** What changes on the boards, for those who watch them. Hears of the scores that this process has added. */
@Injectable()
export class LiveBoards {
  readonly #logger = new Logger(LiveBoards.name);
  readonly #watched = new EventEmitter().setMaxListeners(0);
  readonly #due = new Set<string>();
  readonly #scores: ScoresService;

  constructor(scores: ScoresService) {
    this.#scores = scores;
    scores.onAdded((board) => this.#changed(board));
  }

  /** The best of a board now, and again after each change. */
  watch(caller: NowggPrincipal, board: string): AsyncIterableIterator<RankView[]> {
    // Watched before it is read, so that no change is missed.
    const changes = on(this.#watched, eventOf(board)) as AsyncIterableIterator<[readonly Score[]]>;
    let isFirst = true;
    // Not a generator: one that waits for a change could not be ended before it.
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: async () => {
        if (isFirst) {
          isFirst = false;
          return { done: false, value: ranksOf(await this.#scores.best(board), caller) };
        }
        const { done, value } = await changes.next();
        return done ? { done: true, value: undefined } : { done: false, value: ranksOf(value[0], caller) };
      },
      return: async () => {
        await changes.return?.();
        return { done: true, value: undefined };
      },
    };
  }

  #changed(board: string): void {
    if (this.#watched.listenerCount(eventOf(board)) === 0 || this.#due.has(board)) return;
    this.#due.add(board);
    setTimeout(() => void this.#tell(board), pauseMs).unref();
  }

  async #tell(board: string): Promise<void> {
    this.#due.delete(board);
    try {
      this.#watched.emit(eventOf(board), await this.#scores.best(board));
    } catch (error) {
      this.#logger.error(`A leaderboard could not be read; it is read again after the next score: ${describe(error)}`);
    }
  }
}
