import { NowggAuthError, type NowggErrorBody } from './auth-error.js';

/** A ban, as the banned player is told. */
export interface NowggBan {
  /** Absent for a ban that lasts until it is lifted. */
  readonly until?: Date;
  /** The code of its reason; absent for a ban without one, and while the reason cannot be read. */
  readonly reasonCode?: string;
  readonly text?: string;
}

/**
 * 403. The player is banned, by {@link NowggRevocationService.revoke} with `until`. Neither a new token nor a new sign-in
 * helps before the ban ends. Only a player with a token or a code that is good otherwise gets this answer.
 *
 * @example
 * ```ts
 * import { NowggTokenService, UserBannedError } from 'nestjs-nowgg-auth';
 *
 * export async function signIn(tokens: NowggTokenService, code: string) {
 *   try {
 *     return await tokens.exchangeCode(code);
 *   } catch (error) {
 *     if (error instanceof UserBannedError) return { bannedUntil: error.ban.until, why: error.ban.reasonCode };
 *     throw error;
 *   }
 * }
 * ```
 */
export class UserBannedError extends NowggAuthError {
  readonly ban: NowggBan;

  constructor(ban: NowggBan = {}) {
    super(403, 'the player is banned', 'user_banned', hintsOf(ban));
    this.ban = ban;
  }
}

/**
 * 403. The player is banned from a feature that the route requires with `@RequireFeature`. The rest of the application is
 * open to them; a new token does not help.
 */
export class FeatureBannedError extends NowggAuthError {
  readonly feature: string;
  readonly ban: NowggBan;

  constructor(feature: string, ban: NowggBan = {}) {
    super(403, 'the player is banned from this feature', 'feature_banned', { ...hintsOf(ban), feature });
    this.feature = feature;
    this.ban = ban;
  }
}

function hintsOf({ until, reasonCode, text }: NowggBan): Pick<NowggErrorBody, 'reasonCode' | 'text' | 'until'> {
  return {
    ...(reasonCode !== undefined && { reasonCode }),
    ...(text !== undefined && { text }),
    ...(until && { until: until.toISOString() }),
  };
}

/** The fields of an error's body that explain a ban; none for other errors. Not exported by the package. */
export function banHintsOf(error: NowggAuthError): Pick<NowggErrorBody, 'reasonCode' | 'text' | 'until' | 'feature'> {
  const { reasonCode, text, until, feature } = error.getResponse() as NowggErrorBody;
  return {
    ...(reasonCode !== undefined && { reasonCode }),
    ...(text !== undefined && { text }),
    ...(until !== undefined && { until }),
    ...(feature !== undefined && { feature }),
  };
}
