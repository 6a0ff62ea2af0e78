import { createHash } from 'node:crypto';

/** A cookie to be set or cleared; {@link header} is the value of a `Set-Cookie` header. */
export interface AuthorizationCookie {
  readonly name: string;
  readonly value: string;
  readonly header: string;
}

/**
 * One cookie for each sign-in that was begun, so that two tabs do not disturb each other. Where it can be, it has the
 * prefix that keeps neighbouring hosts from setting it. Lax, because the way back is a navigation from another site.
 */
export function authorizationCookie(
  state: string,
  value: string,
  { secure, maxAgeSeconds }: { readonly secure: boolean; readonly maxAgeSeconds: number },
): AuthorizationCookie {
  const name = cookieName(state, secure);
  const attributes = ['Path=/', 'HttpOnly', 'SameSite=Lax', `Max-Age=${maxAgeSeconds}`, ...(secure ? ['Secure'] : [])];
  return { name, value, header: [`${name}=${value}`, ...attributes].join('; ') };
}

/** The value of the cookie for this state in a `Cookie` header; undefined unless there is exactly one. */
export function readAuthorizationCookie(
  header: string | undefined,
  state: string,
  secure: boolean,
): string | undefined {
  const prefix = `${cookieName(state, secure)}=`;
  const values = (header ?? '').split(/;\s*/).filter((pair) => pair.startsWith(prefix));
  return values.length === 1 ? values[0]?.slice(prefix.length) : undefined;
}

/** Names no secret: the state itself stands in addresses, which logs keep. */
function cookieName(state: string, secure: boolean): string {
  const hash = createHash('sha256').update(state).digest('base64url').slice(0, 22);
  return `${secure ? '__Host-' : ''}nowgg-sign-in-${hash}`;
}
