import { IsBoolean, IsInt, IsString, Max, MaxLength, Min } from 'class-validator';

/** A player, by provider and user id. */
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
  /** Lifetime of tokens: short enough to watch, long enough to be used. */
  @IsInt()
  @Min(2)
  @Max(86_400)
  seconds!: number;
}
