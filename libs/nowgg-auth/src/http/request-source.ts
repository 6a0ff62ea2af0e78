import type { ResolvedVerificationOptions } from '../options/options.js';

const LONGEST_SOURCE = 256;

/** What the application says a request's source is; undefined where it says nothing usable. Never throws. */
export function requestSource(
  request: object,
  { sourceOf }: Pick<ResolvedVerificationOptions, 'sourceOf'>,
): string | undefined {
  if (!sourceOf) return undefined;
  try {
    const source: unknown = sourceOf(request);
    return typeof source === 'string' && source !== '' ? source.slice(0, LONGEST_SOURCE) : undefined;
  } catch {
    return undefined;
  }
}
