/** Larger replies are invalid: a real one has a few hundred bytes. */
export const MAX_REPLY_BYTES = 64 * 1024;

/** Created once, because that costs more than a call. */
const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
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
    return (JSON.parse(strictUtf8.decode(body)) as unknown) ?? undefined;
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

/** Of these headers Node keeps the first and drops all others. */
const FIRST_COUNTS = new Set([
  'content-type',
  'location',
  'retry-after',
  'server',
  'etag',
  'expires',
  'last-modified',
  'age',
]);

/** Headers as texts: repeated ones are joined as Node does it. `Set-Cookie` cannot be joined, and is left out. */
export function joinedHeaders(
  received: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(received)) {
    const value = received[name];
    if (value === undefined || name === 'set-cookie') continue;
    if (typeof value === 'string') headers[name] = value;
    else headers[name] = FIRST_COUNTS.has(name) ? (value[0] ?? '') : value.join(', ');
  }
  return headers;
}
