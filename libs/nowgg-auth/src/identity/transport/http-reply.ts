const JSON_CONTENT_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

/**
 * Parses the body of a reply; undefined unless it is well-formed UTF-8 and JSON, is declared as JSON and has no content
 * coding. (A body of `null` is undefined too: no caller needs the difference.)
 */
export function readJsonBody(
  body: Uint8Array,
  contentType: string | undefined,
  contentEncoding: string | undefined,
): unknown {
  if (!contentType || !JSON_CONTENT_TYPE.test(contentType)) return undefined;
  if (contentEncoding && contentEncoding.toLowerCase() !== 'identity') return undefined;
  try {
    return (JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown) ?? undefined;
  } catch {
    // The error's message quotes the body, so it is dropped here.
    return undefined;
  }
}

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
