/** The headers of a request as a game client behind a proxy sends it, names and values alternately. */
export function requestHeaders(token: string): string[] {
  return Object.entries({
    Host: '127.0.0.1',
    'User-Agent': 'okhttp/4.12.0',
    Accept: 'application/json',
    'Accept-Encoding': 'gzip',
    'Accept-Language': 'en-GB',
    Authorization: `Bearer ${token}`,
    'X-Request-Id': '3f6c1f0e7b5d4a52',
    'X-Forwarded-For': '203.0.113.7',
    'X-Forwarded-Proto': 'https',
    'Cache-Control': 'no-cache',
    Connection: 'keep-alive',
  }).flat();
}

/** A string that no code has touched yet, as the HTTP parser makes it. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
