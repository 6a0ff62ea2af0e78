import { lengthWithoutSlashes } from '../../identity/trailing-slashes.js';

export { withoutTrailingSlash } from '../../identity/trailing-slashes.js';

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** Whether a text is an absolute https URL, or plain http to this machine, or to any host with `allowInsecure`. */
export function isSecureUrl(text: unknown, allowInsecure: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || LOOPBACK.test(hostname)));
}

/**
 * Whether two issuer identifiers are the same for the choice of a provider: slashes at the end do not count. An
 * attacker may choose the text of the first one.
 */
export function isSameIssuer(claimed: string, issuer: string): boolean {
  const length = lengthWithoutSlashes(issuer);
  return lengthWithoutSlashes(claimed) === length && claimed.startsWith(issuer.slice(0, length));
}
