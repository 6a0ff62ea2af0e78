import { Controller, Get, Param, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { NowggPrincipal, NowggUser, Public } from 'nestjs-nowgg-auth';
import { BoardParams } from '../scores/scores.dto.js';
import { type RankView, ScoresService } from '../scores/scores.service.js';

/**
 * For two kinds of callers: players, and the studio's game servers with an API key. `@Public()` leaves the decision to
 * Passport, which tries the strategies in turn.
 */
@Public()
@UseGuards(AuthGuard(['nowgg', 'api-key']))
@Controller('standings')
export class StandingsController {
  readonly #scores: ScoresService;

  constructor(scores: ScoresService) {
    this.#scores = scores;
  }

  /** The best of a board. `caller` is undefined for a game server. */
  @Get(':board')
  top(@NowggUser() caller: NowggPrincipal | undefined, @Param() { board }: BoardParams): Promise<RankView[]> {
    return this.#scores.top(caller, board);
  }
}
