import { IsInt, IsOptional, IsString, Max, Min } from 'class-validator';

/** The code that the game got from now.gg on the device. Its form is the library's business. */
export class LoginBody {
  @IsString()
  code!: string;
}

/** The session handle from the sign-in. */
export class SessionBody {
  @IsString()
  session!: string;
}

export class RefreshBody extends SessionBody {
  /** The generation of the token that was refused; asks for a newer one. */
  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(Number.MAX_SAFE_INTEGER)
  generation?: number;
}
