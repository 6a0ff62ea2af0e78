const SLASH = 0x2f;

/**
 * Length of an address without the slashes at its end. Uses a loop, because a regular expression would backtrack at
 * every slash of a long run, and an attacker may choose the text.
 */
export function lengthWithoutSlashes(url: string): number {
  let end = url.length;
  while (url.charCodeAt(end - 1) === SLASH) end -= 1;
  return end;
}

/** The address without slashes at its end. */
export function withoutTrailingSlash(url: string): string {
  return url.slice(0, lengthWithoutSlashes(url));
}
