import { IsInt, Matches, Max, Min } from 'class-validator';

const boardName = /^[a-z0-9-]{1,32}$/;

export class BoardParams {
  @Matches(boardName)
  board!: string;
}

export class NewScoreBody extends BoardParams {
  @IsInt()
  @Min(0)
  @Max(1_000_000_000)
  points!: number;
}
