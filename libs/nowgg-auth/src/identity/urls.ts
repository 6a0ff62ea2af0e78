import { arrayOf } from '../rules.js';

const SLASH = 0x2f;
/** The host of a URL that leads to this machine. */
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a text is an absolute https URL, or plain http to this machine, or to any host with `allowInsecure`. */
export function isSecureUrl(text: unknown, allowInsecure: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || LOOPBACK.test(hostname)));
}

/** Whether a value can be the address of an API as clients know it: https or loopback, without query or fragment. */
export function isPublicUrl(value: unknown): value is string {
  return isSecureUrl(value, false) && !value.includes('?') && !value.includes('#');
}

/** The rule of an option with such an address, or several. */
export const PUBLIC_URLS = [
  (value: unknown) => isPublicUrl(value) || arrayOf(isPublicUrl, 1)(value),
  'must be the address of this API, https or loopback, without query or fragment',
] as const;

/**
 * Whether two issuer identifiers are the same for the choice of a provider: slashes at the end do not count. An
 * attacker may choose the text of the first one.
 */
export function isSameIssuer(claimed: string, issuer: string): boolean {
  const length = lengthWithoutSlashes(issuer);
  return lengthWithoutSlashes(claimed) === length && claimed.startsWith(issuer.slice(0, length));
}

/**
 * Length of an address without the slashes at its end. Uses a loop, because a regular expression would backtrack at
 * every slash of a long run, and an attacker may choose the text.
 */
function lengthWithoutSlashes(url: string): number {
  let end = url.length;
  while (url.charCodeAt(end - 1) === SLASH) end -= 1;
  return end;
}

/** The address without slashes at its end. */
export function withoutTrailingSlash(url: string): string {
  return url.slice(0, lengthWithoutSlashes(url));
}
