import type { IncomingMessage } from 'node:http';

/** Removes a token from every header of a request and from its address, where the application may have found it. */
export function removeText(request: IncomingMessage, token: string): void {
  const without = <Value extends string | string[]>(value: Value) =>
    (typeof value === 'string'
      ? value.replaceAll(token, '')
      : value.map((each) => each.replaceAll(token, ''))) as Value;
  const { headers, headersDistinct, rawHeaders } = request;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) headers[name] = without(value);
  for (const [name, value] of Object.entries(headersDistinct)) if (value) headersDistinct[name] = without(value);
  for (const [at, line] of rawHeaders.entries()) rawHeaders[at] = without(line);
  if (request.url !== undefined) request.url = without(request.url);
}
