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
