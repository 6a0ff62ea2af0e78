import { IdentityHttp, type IdentityHttpOutcome, type IdentityHttpRequest } from 'nestjs-nowgg-auth';

/** The port on plain fetch, for tests that look at one provider alone. */
export class FetchIdentityHttp extends IdentityHttp {
  override async send({ method, url, headers = {}, body, signal }: IdentityHttpRequest): Promise<IdentityHttpOutcome> {
    const response = await fetch(url, {
      method,
      headers,
      redirect: 'manual',
      signal,
      ...(body !== undefined && { body }),
    });
    const text = await response.text();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      // Not JSON: then there is none.
    }
    return {
      status: 'reply',
      statusCode: response.status,
      json,
      headers: Object.fromEntries(response.headers),
      body: Buffer.from(text),
      retryAfterMs: undefined,
      drop: () => undefined,
    };
  }
}
