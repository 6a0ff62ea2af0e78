import type { ResolvedVerificationOptions } from '../options/options.js';

const LONGEST_SOURCE = 256;

/** The source that the application names for a request; undefined when its answer is not usable. Never throws. */
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
