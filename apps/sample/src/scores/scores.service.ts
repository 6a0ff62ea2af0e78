import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import type { NowggPrincipal } from 'nestjs-nowgg-auth';
import { Repository } from 'typeorm';
import { PlayersService } from '../players/players.service.js';
import { Score } from './score.entity.js';

export interface ScoreView {
  readonly id: string;
  readonly board: string;
  readonly points: number;
}

export interface RankView {
  readonly rank: number;
  readonly displayName: string | null;
  readonly points: number;
  /** Whether this row is the caller's; always false for callers who are not signed in. */
  readonly mine: boolean;
}

const shownRanks = 10;

@Injectable()
export class ScoresService {
  readonly #scores: Repository<Score>;
  readonly #players: PlayersService;
  readonly #listeners: ((board: string) => void)[] = [];

  constructor(@InjectRepository(Score) scores: Repository<Score>, players: PlayersService) {
    this.#scores = scores;
    this.#players = players;
  }

  /** Calls a listener with the name of each board that this process has added a score to. */
  onAdded(listener: (board: string) => void): void {
    this.#listeners.push(listener);
  }

  async add(caller: NowggPrincipal, board: string, points: number): Promise<ScoreView> {
    const player = await this.#players.getFor(caller);
    const { id } = await this.#scores.save(this.#scores.create({ playerId: player.id, board, points }));
    for (const listener of this.#listeners) listener(board);
    return { id, board, points };
  }

  /** The ten best scores of a board, best first; of equal scores the earlier one first. */
  async best(board: string): Promise<readonly Score[]> {
    return this.#scores.find({
      where: { board },
      relations: { player: true },
      order: { points: 'DESC', createdAt: 'ASC' },
      take: shownRanks,
    });
  }

  /** The ten best of a board as this caller sees them. */
  async top(caller: NowggPrincipal | undefined, board: string): Promise<RankView[]> {
    return ranksOf(await this.best(board), caller);
  }
}

/** The rows of a board as this caller sees them. */
export function ranksOf(scores: readonly Score[], caller: NowggPrincipal | undefined): RankView[] {
  return scores.map(({ player, points }, index) => ({
    rank: index + 1,
    displayName: player.displayName,
    points,
    mine: player.userId === caller?.userId && player.provider === caller.provider,
  }));
}
