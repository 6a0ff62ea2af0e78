import { Args, Query, Resolver, Subscription } from '@nestjs/graphql';
import { NowggPrincipal, NowggUser, OptionalAuth } from 'nestjs-nowgg-auth';
import { type RankView, ScoresService } from '../scores/scores.service.js';
import { LiveBoards } from './live-boards.js';
import { BoardArgs, Rank } from './rank.model.js';

@Resolver(() => Rank)
export class LeaderboardResolver {
  readonly #scores: ScoresService;
  readonly #boards: LiveBoards;

  constructor(scores: ScoresService, boards: LiveBoards) {
    this.#scores = scores;
    this.#boards = boards;
  }

  /** Open to every caller, like `GET /scores/:board`. */
  @Query(() => [Rank])
  @OptionalAuth()
  leaderboard(@NowggUser() caller: NowggPrincipal | undefined, @Args() { board }: BoardArgs): Promise<RankView[]> {
    return this.#scores.top(caller, board);
  }

  /** The ten best at once and after each change, until the player's token ends or they are banned. */
  @Subscription(() => [Rank], { resolve: (ranks: RankView[]) => ranks })
  leaderboardChanged(@NowggUser() caller: NowggPrincipal, @Args() { board }: BoardArgs) {
    return this.#boards.watch(caller, board);
  }
}
