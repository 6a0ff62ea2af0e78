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

  constructor(@InjectRepository(Score) scores: Repository<Score>, players: PlayersService) {
    this.#scores = scores;
    this.#players = players;
  }

  async add(caller: NowggPrincipal, board: string, points: number): Promise<ScoreView> {
    const player = await this.#players.getFor(caller);
    const { id } = await this.#scores.save(this.#scores.create({ playerId: player.id, board, points }));
    return { id, board, points };
  }

  /** The ten best scores of a board, best first; of equal scores the earlier one first. */
  async top(caller: NowggPrincipal | undefined, board: string): Promise<RankView[]> {
    const scores = await this.#scores.find({
      where: { board },
      relations: { player: true },
      order: { points: 'DESC', createdAt: 'ASC' },
      take: shownRanks,
    });
    return scores.map(({ player, points }, index) => ({
      rank: index + 1,
      displayName: player.displayName,
      points,
      mine: player.userId === caller?.userId && player.provider === caller.provider,
    }));
  }
}
