import { readTimeClaim } from '../../identity/claims.js';
import { AUTHGEAR_CLAIMS } from './authgear-claims.js';

/** What every header of the resolver begins with. */
export const HEADER_PREFIX = 'x-authgear-';

/** Names of the resolver's headers, without their prefix. */
export const HEADER_NAMES = [
  'session-valid',
  'user-id',
  'user-anonymous',
  'user-verified',
  'user-can-reauthenticate',
  'user-roles',
  'session-amr',
  'session-authenticated-at',
] as const;

export type HeaderName = (typeof HEADER_NAMES)[number];

/** Converts the headers to the claims of a JWT access token with the same facts. */
export function claimsOfHeaders(header: (name: HeaderName) => string | undefined): Record<string, unknown> {
  const flag = (name: HeaderName) => (header(name) === undefined ? undefined : header(name) === 'true');
  const list = (name: HeaderName, separator: RegExp | string) =>
    header(name)
      ?.split(separator)
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const authTimeMs = readTimeClaim(header('session-authenticated-at'));
  const claims = {
    sub: header('user-id'),
    auth_time: authTimeMs === undefined ? undefined : authTimeMs / 1000,
    amr: list('session-amr', /[\s,]+/),
    [AUTHGEAR_CLAIMS.isAnonymous]: flag('user-anonymous'),
    [AUTHGEAR_CLAIMS.isVerified]: flag('user-verified'),
    [AUTHGEAR_CLAIMS.canReauthenticate]: flag('user-can-reauthenticate'),
    [AUTHGEAR_CLAIMS.roles]: list('user-roles', ','),
  };
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined));
}
