import { createHash } from 'node:crypto';

const LONGEST_CODE = 2_048;

/** 1 to 2,048 visible ASCII characters: anything else is no code of any identity system, and nobody needs to be asked. */
export function isAuthorizationCode(code: unknown): code is string {
  return typeof code === 'string' && code.length <= LONGEST_CODE && /^[\x21-\x7e]+$/.test(code);
}

/**
 * Under which name a code is claimed. What was sent with it is part of the name: whoever lacks the verifier does not get
 * the grant of who had it.
 *
 * @param parts provider's name, client key and code, and what goes with the code or undefined
 */
export function codeHashOf(...parts: readonly (string | undefined)[]): string {
  const hash = createHash('sha256');
  // Length-prefixed, so that no two lists of parts have the same bytes.
  for (const part of parts) hash.update(part === undefined ? '-;' : `${Buffer.byteLength(part)}:${part};`);
  return hash.digest('base64url');
}
