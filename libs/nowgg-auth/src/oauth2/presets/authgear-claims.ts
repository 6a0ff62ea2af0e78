import type { NowggPrincipal } from '../../principal.js';

/** Names of Authgear's own claims in its access tokens. */
export const AUTHGEAR_CLAIMS = {
  isAnonymous: 'https://authgear.com/claims/user/is_anonymous',
  isVerified: 'https://authgear.com/claims/user/is_verified',
  canReauthenticate: 'https://authgear.com/claims/user/can_reauthenticate',
  roles: 'https://authgear.com/claims/user/roles',
} as const;

/** Authgear's own data about a user, in addition to the identity. */
export interface AuthgearUser {
  readonly isAnonymous: boolean;
  readonly isVerified: boolean;
  readonly canReauthenticate: boolean;
  /** Keys of the user's roles. */
  readonly roles: readonly string[];
}

/**
 * Reads Authgear's own claims from a principal. Absent claims count as false, absent roles as an empty list.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { NowggPrincipal, NowggUser } from 'nestjs-nowgg-auth';
 * import { authgearUser } from 'nestjs-nowgg-auth/oauth2';
 *
 * @Controller('roles')
 * export class RolesController {
 *   @Get()
 *   list(@NowggUser() player: NowggPrincipal) {
 *     return authgearUser(player).roles;
 *   }
 * }
 * ```
 */
export function authgearUser({ claims }: Pick<NowggPrincipal, 'claims'>): AuthgearUser {
  const roles = claims[AUTHGEAR_CLAIMS.roles];
  return {
    isAnonymous: claims[AUTHGEAR_CLAIMS.isAnonymous] === true,
    isVerified: claims[AUTHGEAR_CLAIMS.isVerified] === true,
    canReauthenticate: claims[AUTHGEAR_CLAIMS.canReauthenticate] === true,
    roles: Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [],
  };
}
