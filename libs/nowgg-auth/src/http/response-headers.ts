/** A Fastify reply (`header`), or an Express or plain Node response (`setHeader`). */
export type HeaderTarget =
  | { setHeader(name: string, value: string): unknown }
  | { header(name: string, value: string): unknown };

/** Sets headers on either platform's response. */
export function setResponseHeaders(response: HeaderTarget, headers: ReadonlyArray<readonly [string, string]>): void {
  for (const [name, value] of headers) {
    if ('setHeader' in response) response.setHeader(name, value);
    else response.header(name, value);
  }
}
