import { createHash } from 'node:crypto';

const LONGEST_CODE = 2_048;

/**
 * Whether a value is 1 to 2,048 visible ASCII characters. Any other value is not a code of any identity system, and no
 * call is needed.
 */
export function isAuthorizationCode(code: unknown): code is string {
  return typeof code === 'string' && code.length <= LONGEST_CODE && /^[\x21-\x7e]+$/.test(code);
}

/**
 * The name under which a code is claimed. The values sent with the code are part of the name: a caller without the
 * verifier does not get the grant of the caller that had it.
 *
 * @param parts name of the provider, client key and code, and the values sent with the code or undefined
 */
export function codeHashOf(...parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  // Length-prefixed, so that no two lists of parts have the same bytes.
  for (const part of parts) hash.update(part === undefined ? '-;' : `${Buffer.byteLength(part)}:${part};`);
  return hash.digest('base64url');
}
