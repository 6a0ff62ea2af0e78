import { ArgsType, Field, Int, ObjectType } from '@nestjs/graphql';
import { BoardParams } from '../scores/scores.dto.js';

/** A row of a leaderboard. */
@ObjectType()
export class Rank {
  @Field(() => Int)
  rank!: number;

  @Field(() => String, { nullable: true })
  displayName!: string | null;

  @Field(() => Int)
  points!: number;

  @Field({ description: 'Whether this row is the caller’s' })
  mine!: boolean;
}

@ArgsType()
export class BoardArgs extends BoardParams {
  @Field()
  declare board: string;
}
