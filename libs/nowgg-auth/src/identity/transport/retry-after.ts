/** `Retry-After` as seconds or as an HTTP date. */
const SECONDS = /^\d{1,10}$/;
const HTTP_DATE = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;

/**
 * Milliseconds until the request may be repeated, from `Retry-After` (RFC 9110 section 10.2.3) or `X-Rate-Limit-Reset`
 * (epoch seconds); undefined when neither can be read. Never negative, no upper limit.
 */
export function readRetryAfterMs(
  retryAfter: string | undefined,
  rateLimitReset: string | undefined,
  nowMs: number,
): number | undefined {
  const header = retryAfter?.trim() ?? '';
  if (SECONDS.test(header)) return Number(header) * 1000;
  if (HTTP_DATE.test(header)) {
    const at = Date.parse(header);
    if (!Number.isNaN(at)) return Math.max(0, at - nowMs);
  }
  const reset = rateLimitReset?.trim() ?? '';
  return SECONDS.test(reset) ? Math.max(0, Number(reset) * 1000 - nowMs) : undefined;
}
