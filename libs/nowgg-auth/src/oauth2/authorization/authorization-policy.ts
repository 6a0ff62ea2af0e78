import { arrayOf, faultsOf, refuse, type Rules } from '../../rules.js';
import { isSecureUrl } from '../../identity/urls.js';

/** Sites that may start sign-ins, and addresses that sign-ins may return to. */
export interface AuthorizationPolicyOptions {
  /**
   * Origins of other sites, such as `https://www.example.com`, whose pages may start a sign-in directly. Default none:
   * the answer to a start by another site is a page with one button.
   */
  startOrigins?: readonly string[];
  /**
   * Addresses that sign-ins may return to. A path allows itself and all paths below it; an origin such as
   * `https://play.example.com` allows every address there. Default `['/']`: every path of this site.
   */
  returnTo?: readonly string[];
}

/** {@link AuthorizationPolicyOptions} with every value. Frozen. */
export interface AuthorizationPolicy {
  readonly startOrigins: readonly string[];
  readonly returnTo: readonly string[];
}

/** DI token of the {@link AuthorizationPolicy}. */
export const AUTHORIZATION_POLICY = Symbol('nestjs-nowgg-auth:authorization-policy');

const LONGEST_RETURN_TO = 256;
/** Visible ASCII without the quote and the backslash. */
const ADDRESS = /^[\x21\x23-\x5b\x5d-\x7e]+$/;
/** Base for normalising paths. The host itself is never used. */
const BASE = 'https://this-site.invalid';

const POLICY: Rules<keyof AuthorizationPolicyOptions> = {
  startOrigins: [arrayOf(isOrigin), 'must be an array of origins, https or loopback'],
  returnTo: [arrayOf((item) => isOrigin(item) || isPath(item)), 'must be an array of paths and origins'],
};

/**
 * Validates the options and adds the defaults.
 *
 * @param moduleFaults faults of the module's other options, to be reported together with these
 * @throws NowggConfigurationError with every fault at once
 */
export function resolveAuthorizationPolicy(
  options: AuthorizationPolicyOptions,
  moduleFaults: readonly string[] = [],
): AuthorizationPolicy {
  refuse([...moduleFaults, ...faultsOf(POLICY, options)], 'NowggOAuth2Module: ');
  const { startOrigins = [], returnTo = ['/'] } = options;
  return Object.freeze({ startOrigins: Object.freeze([...startOrigins]), returnTo: Object.freeze([...returnTo]) });
}

/** Whether a sign-in may return to this address. */
export function mayReturnTo({ returnTo }: AuthorizationPolicy, address: unknown): address is string {
  if (typeof address !== 'string' || address.length > LONGEST_RETURN_TO || !ADDRESS.test(address)) return false;
  if (!isPath(address)) return isAllowedElsewhere(returnTo, address);
  const { pathname } = new URL(address, BASE);
  return returnTo.some(
    (allowed) => pathname === allowed || pathname.startsWith(allowed.endsWith('/') ? allowed : `${allowed}/`),
  );
}

function isAllowedElsewhere(allowed: readonly string[], address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { origin, href, username, password } = new URL(address);
  return allowed.includes(origin) && href === address && username === '' && password === '';
}

/** Not `//host`, not `/\host`, no control characters: a browser would treat those as another site or drop them. */
function isPath(text: unknown): boolean {
  return typeof text === 'string' && /^\/(?!\/)/.test(text) && ADDRESS.test(text) && isOfThisSite(text);
}

function isOfThisSite(path: string): boolean {
  return URL.canParse(path, BASE) && new URL(path, BASE).origin === BASE;
}

function isOrigin(value: unknown): boolean {
  return isSecureUrl(value, false) && new URL(value).origin === value && !value.includes('*');
}
