import { IsBoolean, IsInt, IsString, Max, MaxLength, Min } from 'class-validator';

/** A player, by what identifies him. */
export class PlayerBody {
  @IsString()
  @MaxLength(64)
  provider!: string;

  @IsString()
  @MaxLength(255)
  userId!: string;
}

export class OutageBody {
  @IsBoolean()
  isOutage!: boolean;
}

export class TokenLifeBody {
  /** Short enough to watch, long enough to be used. */
  @IsInt()
  @Min(2)
  @Max(86_400)
  seconds!: number;
}
