import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { NowggPrincipal, NowggUser, OptionalAuth } from 'nestjs-nowgg-auth';
import { BoardParams, NewScoreBody } from './scores.dto.js';
import { type RankView, ScoresService, type ScoreView } from './scores.service.js';

@Controller('scores')
export class ScoresController {
  readonly #scores: ScoresService;

  constructor(scores: ScoresService) {
    this.#scores = scores;
  }

  @Post()
  add(@NowggUser() caller: NowggPrincipal, @Body() { board, points }: NewScoreBody): Promise<ScoreView> {
    return this.#scores.add(caller, board, points);
  }

  /** A public route; a signed-in player finds their own rows marked. */
  @Get(':board')
  @OptionalAuth()
  top(@NowggUser() caller: NowggPrincipal | undefined, @Param() { board }: BoardParams): Promise<RankView[]> {
    return this.#scores.top(caller, board);
  }
}
