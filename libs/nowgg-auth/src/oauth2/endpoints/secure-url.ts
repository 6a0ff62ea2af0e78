import { lengthWithoutSlashes } from '../../identity/trailing-slashes.js';

export { withoutTrailingSlash } from '../../identity/trailing-slashes.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** An absolute https URL, or plain http to this machine, or plain http anywhere when that was opted for. */
export function isSecureUrl(text: unknown, allowInsecure: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || LOOPBACK.test(hostname)));
}

/**
 * Whether two issuer identifiers are the same, as far as choosing a provider goes: slashes at the end do not count. The
 * first may be a text of a stranger's choice.
 */
export function isSameIssuer(claimed: string, issuer: string): boolean {
  const length = lengthWithoutSlashes(issuer);
  return lengthWithoutSlashes(claimed) === length && claimed.startsWith(issuer.slice(0, length));
}
