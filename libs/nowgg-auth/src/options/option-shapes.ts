import {
  ArrayNotEmpty,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsOptional,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateBy,
} from 'class-validator';

/** The longest delay of a Node timer. */
const LONGEST_MS = 2_147_483_647;

const MOST_LIFE_MS = 3_650 * 24 * 3_600_000;

function Optional(...rules: PropertyDecorator[]): PropertyDecorator {
  return (target, key) => {
    for (const rule of [IsOptional(), ...rules]) rule(target, key);
  };
}

/** All rules have the same message, so that a fault is reported once. */
function WholeNumber(least: number, most: number, message: string): PropertyDecorator {
  return Optional(IsInt({ message }), Min(least, { message }), Max(most, { message }));
}

function Duration(least: 0 | 1): PropertyDecorator {
  return WholeNumber(least, LONGEST_MS, `must be a whole number of milliseconds, ${least} or more`);
}

function Count(): PropertyDecorator {
  return WholeNumber(1, 10_000_000, 'must be a whole number, 1 to 10,000,000');
}

function IsFunction(): PropertyDecorator {
  return ValidateBy({
    name: 'isFunction',
    validator: { validate: (value) => typeof value === 'function', defaultMessage: () => 'must be a function' },
  });
}

/** Rules for options that can be checked independently of others. The now.gg client has separate rules. */
export class OptionsShape {
  @IsOptional() clientId?: unknown;
  @IsOptional() clientSecret?: unknown;
  @IsOptional() baseUrl?: unknown;
  @Optional(IsBoolean({ message: 'must be true or false' })) allowInsecureBaseUrl?: unknown;
  @IsOptional() issuer?: unknown;
  @Optional(IsArray({ message: 'must be an array' })) identityProviders?: unknown;
  // Part of a quoted string in a header.
  @Optional(
    Matches(/^[\x20-\x7e]+$/, { message: 'must be printable ASCII' }),
    MaxLength(256, { message: 'must have at most 256 characters' }),
  )
  realm?: unknown;
  @IsOptional() verification?: unknown;
  @IsOptional() revocation?: unknown;
  @IsOptional() tokens?: unknown;
}

export class VerificationShape {
  @Duration(0) maxAgeMs?: unknown;
  @Duration(0) staleIfErrorMs?: unknown;
  @Count() maxEntries?: unknown;
  @Count() negativeMaxEntries?: unknown;
  @Count() maxInFlight?: unknown;
  @IsOptional() circuit?: unknown;
  @Optional(IsBoolean({ message: 'must be true or false' })) refusalsAreDefinite?: unknown;
  @Optional(IsFunction()) budget?: unknown;
  @Optional(IsFunction()) sourceOf?: unknown;
  @Duration(1) timeoutMs?: unknown;
  @Duration(0) clockSkewMs?: unknown;
  @Optional(
    IsArray({ message: 'must be an array' }),
    ArrayNotEmpty({ message: 'must name at least one kind of token' }),
    ArrayUnique({ message: 'must name each kind once' }),
    IsIn(['token', 'id_token'], { each: true, message: 'may contain only token and id_token' }),
  )
  acceptTokenTypes?: unknown;
}

export class CircuitShape {
  // With fewer, a short disturbance would stop all requests.
  @WholeNumber(5, 10_000_000, 'must be a whole number, 5 or more') openAfter?: unknown;
  @WholeNumber(1, 60_000, 'must be a whole number of milliseconds, 1 to 60,000') maxPauseMs?: unknown;
}

export class RevocationShape {
  @Optional(IsIn(['refuse', 'serve'], { message: 'must be refuse or serve' })) beforeFirstLoad?: unknown;
  @Optional(IsIn(['refuse', 'serve'], { message: 'must be refuse or serve' })) onUnknown?: unknown;
  @WholeNumber(60_000, MOST_LIFE_MS, 'must be a whole number of milliseconds, one minute to ten years')
  longestTokenLifeMs?: unknown;
}

export class TokensShape {
  @IsArray({ message: 'must be an array of keys' })
  @ArrayNotEmpty({ message: 'must contain at least one key' })
  encryptionKeys?: unknown;
  @Duration(0) refreshMarginMs?: unknown;
  @Duration(1) softDeadlineMs?: unknown;
  @Duration(1) leaseMs?: unknown;
  @Duration(1) lateReplyMs?: unknown;
  @Duration(0) exchangeReplayMs?: unknown;
  @Optional(IsBoolean({ message: 'must be true or false' })) openFirstVersion?: unknown;
  @Duration(0) forcedRefreshMs?: unknown;
  @Count() maxExchangesInFlight?: unknown;
  @Count() maxRefreshesInFlight?: unknown;
  @Count() refusedCodesPerMinute?: unknown;
  @Optional(IsFunction()) codeBudget?: unknown;
}

export class EncryptionKeyShape {
  @Matches(/^[A-Za-z0-9_-]{1,32}$/, { message: 'must be 1 to 32 characters of A-Z a-z 0-9 _ -' })
  id?: unknown;
  // 32 bytes are 43 characters and one padding character; the last character before it has four significant bits.
  @Matches(/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/, { message: 'must be 32 bytes in base64' })
  key?: unknown;
}
