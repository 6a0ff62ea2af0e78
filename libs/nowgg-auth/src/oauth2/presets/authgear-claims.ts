import type { NowggPrincipal } from '../../principal.js';

/** Authgear's own claims, as its access tokens name them. */
export const AUTHGEAR_CLAIMS = {
  isAnonymous: 'https://authgear.com/claims/user/is_anonymous',
  isVerified: 'https://authgear.com/claims/user/is_verified',
  canReauthenticate: 'https://authgear.com/claims/user/can_reauthenticate',
  roles: 'https://authgear.com/claims/user/roles',
} as const;

/** What Authgear says about a user beyond who he is. */
export interface AuthgearUser {
  readonly isAnonymous: boolean;
  readonly isVerified: boolean;
  readonly canReauthenticate: boolean;
  /** Keys of his roles. */
  readonly roles: readonly string[];
}

/** Reads Authgear's own claims from a principal. What is absent counts as false, and as no roles. */
export function authgearUser({ claims }: Pick<NowggPrincipal, 'claims'>): AuthgearUser {
  const roles = claims[AUTHGEAR_CLAIMS.roles];
  return {
    isAnonymous: claims[AUTHGEAR_CLAIMS.isAnonymous] === true,
    isVerified: claims[AUTHGEAR_CLAIMS.isVerified] === true,
    canReauthenticate: claims[AUTHGEAR_CLAIMS.canReauthenticate] === true,
    roles: Array.isArray(roles) ? roles.filter((role): role is string => typeof role === 'string') : [],
  };
}
