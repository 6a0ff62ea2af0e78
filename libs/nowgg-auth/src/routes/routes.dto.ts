import { IsBoolean, IsInt, IsOptional, IsString, Matches, Max, MaxLength, Min, MinLength } from 'class-validator';
import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import { InvalidRequestError } from '../errors.js';
import { isRecord, PROVIDER_NAME } from '../rules.js';

type OpenApiProperties = Record<string, { required: boolean; type: () => unknown; description?: string }>;

/** Body of `POST login`. */
export class NowggLoginBody {
  /** The one-time authorization code. The exchange checks its form. */
  @IsString() @MaxLength(4096) code!: string;
  /** The identity provider that issued it; needed when there are several. */
  @IsOptional() @Matches(PROVIDER_NAME) provider?: string;
  /** Name of the device, for the list of sessions. */
  @IsOptional() @IsString() @MaxLength(512) device?: string;
  /** An id that the device keeps: a new sign-in with it replaces its session. */
  @IsOptional() @IsString() @MinLength(16) @MaxLength(128) deviceId?: string;
  /** A random id of this sign-in, the same when its code is sent again. */
  @IsOptional() @IsString() @MinLength(32) @MaxLength(128) attemptId?: string;

  /** Read by @nestjs/swagger where it is installed. */
  static _OPENAPI_METADATA_FACTORY(): OpenApiProperties {
    return {
      code: { required: true, type: () => String, description: 'one-time authorization code' },
      provider: { required: false, type: () => String, description: 'identity provider that issued the code' },
      device: { required: false, type: () => String, description: 'name of the device, for the list of sessions' },
      deviceId: { required: false, type: () => String, description: 'id that the device keeps, 16 to 128 characters' },
      attemptId: {
        required: false,
        type: () => String,
        description: 'random id of this sign-in, 32 to 128 characters, the same when its code is sent again',
      },
    };
  }
}

/** Body of `POST refresh`. */
export class NowggRefreshBody {
  @IsString() @MaxLength(1024) session!: string;
  /** Generation of a token that was refused: refresh only if it is still the stored one. */
  @IsOptional() @IsInt() @Min(1) @Max(2_147_483_647) generation?: number;
  /** After a `session_superseded`, once the front end has read its storage again. */
  @IsOptional() @IsBoolean() reread?: boolean;

  /** Read by @nestjs/swagger where it is installed. */
  static _OPENAPI_METADATA_FACTORY(): OpenApiProperties {
    return {
      session: { required: true, type: () => String, description: 'session handle' },
      generation: { required: false, type: () => Number, description: 'generation of a token that was refused' },
      reread: {
        required: false,
        type: () => Boolean,
        description: 'after session_superseded: the storage was read again',
      },
    };
  }
}

/** Body of `POST logout`. */
export class NowggLogoutBody {
  @IsString() @MaxLength(1024) session!: string;

  /** Read by @nestjs/swagger where it is installed. */
  static _OPENAPI_METADATA_FACTORY(): OpenApiProperties {
    return { session: { required: true, type: () => String, description: 'session handle' } };
  }
}

/** Body of `POST handoff`. */
export class NowggHandoffBody {
  /** From the fragment of the page's address. Its form is checked when it is opened. */
  @IsString() @MaxLength(1024) handoff!: string;
  @IsString() @MaxLength(128) verifier!: string;

  /** Read by @nestjs/swagger where it is installed. */
  static _OPENAPI_METADATA_FACTORY(): OpenApiProperties {
    return {
      handoff: { required: true, type: () => String, description: 'value from the fragment after a sign-in' },
      verifier: { required: true, type: () => String, description: 'verifier of the challenge that began the sign-in' },
    };
  }
}

/**
 * Checks a route's body. Its errors do not say what was wrong, because a body contains credentials. All fields are
 * strings and numbers: nested values are refused before the validator, which would descend into them, sees them.
 */
@Injectable()
export class RoutesBodyPipe implements PipeTransform {
  readonly #validation = new ValidationPipe({ transform: true, whitelist: true, exceptionFactory: () => refusal() });

  async transform(body: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (!isRecord(body)) throw refusal();
    if (Object.values(body).some((value) => typeof value === 'object' && value !== null)) throw refusal();
    return this.#validation.transform(body, metadata);
  }
}

function refusal(): InvalidRequestError {
  return new InvalidRequestError('the body is not valid for this route');
}
