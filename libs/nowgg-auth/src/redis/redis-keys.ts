const PREFIX = 'nowgg:v1:';

/** Hints carry nothing: whoever gets one reads the watermarks from their store. */
export const REVOCATION_CHANNEL = `${PREFIX}revocations`;

/** Redis key of a verdict. The cache key is a hash, so nothing about the token can be had from it. */
export function verdictKeyOf(cacheKey: string): string {
  return PREFIX + Buffer.from(cacheKey, 'latin1').toString('base64url');
}

/** Redis key of the claim on a question. The braces put it on the cluster node of the verdict. */
export function claimKeyOf(cacheKey: string): string {
  return `${PREFIX}claim:{${verdictKeyOf(cacheKey)}}`;
}
