const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** An absolute https URL, or plain http to this machine, or plain http anywhere when that was opted for. */
export function isSecureUrl(text: unknown, allowInsecure: boolean): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && (allowInsecure || LOOPBACK.test(hostname)));
}

/** The same address with and without slashes at its end is the same issuer, as far as choosing goes. */
export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
