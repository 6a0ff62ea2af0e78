const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** An absolute https URL, or plain http to this machine, or plain http anywhere when that was opted for. */
export function isSecureUrl(text: unknown, allowInsecure: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || LOOPBACK.test(hostname)));
}

/** The address without slashes at its end. */
export function withoutTrailingSlash(url: string): string {
  return url.slice(0, endOf(url));
}

/**
 * Whether two issuer identifiers are the same, as far as choosing a provider goes: slashes at the end do not count. The
 * first may be a text of a stranger's choice.
 */
export function isSameIssuer(claimed: string, issuer: string): boolean {
  const end = endOf(issuer);
  return endOf(claimed) === end && claimed.startsWith(issuer.slice(0, end));
}

const SLASH = 0x2f;

/** Where the slashes at the end begin. A loop: a regular expression would try again at every slash of a long run. */
function endOf(url: string): number {
  let end = url.length;
  while (url.charCodeAt(end - 1) === SLASH) end -= 1;
  return end;
}
