import type { Fetch } from './backend.js';
import { RedirectRefusedError } from './errors.js';
import type { SessionRecord } from './session-record.js';
import type { TokenRefresh } from './token-refresh.js';

/** Time that a request waits for a refresh while its old token is still valid, in milliseconds. */
const patienceMs = 1_000;

type Body = RequestInit['body'];

const isStream = (body: Body) => 'getReader' in Object(body) || Symbol.asyncIterator in Object(body);

/**
 * Whether the response is a redirect. A browser shows a redirect that it did not follow as `opaqueredirect`, Node.js as
 * it is.
 */
const isRedirect = ({ type, redirected, status, headers }: Response) =>
  type === 'opaqueredirect' || redirected || (status > 300 && status < 400 && headers.has('location'));

/**
 * Whether a new token may help, or the session has ended: a 401, unless a route wants a new sign-in, or a ban. Answers of
 * this backend are short.
 */
const concernsToken = async (response: Response) => {
  const { status, headers } = response;
  const is401 = status === 401;
  if (!(is401 || status === 403) || !(Number(headers.get('content-length')) <= 4096)) return is401;
  const body: unknown = await response
    .clone()
    .json()
    .catch(() => {});
  const { errorCode } = Object(body) as { errorCode?: unknown };
  return is401 ? errorCode !== 'insufficient_user_authentication' : errorCode === 'user_banned';
};

const discard = async (response: Response) => response.body?.cancel().catch(() => {});

/** A `fetch` that adds the token for allowed origins, and sends the request once more with a new token after a 401. */
export function tokenFetch(
  baseUrl: URL,
  allowedOrigins: ReadonlySet<string>,
  send: Fetch,
  refresh: TokenRefresh,
): Fetch {
  return async (input, init = {}) => {
    const request = typeof input === 'object' && 'clone' in input ? input : undefined;
    const url = new URL(typeof input === 'string' ? input : 'url' in input ? input.url : input.href, baseUrl);
    const headers = new Headers(init.headers ?? request?.headers);
    if (!allowedOrigins.has(url.origin) || headers.has('authorization')) return send(request ?? url.href, init);

    const signal = init.signal === undefined ? request?.signal : init.signal;
    const redirect = init.redirect ?? request?.redirect ?? 'follow';
    const attempt = async ({ token }: SessionRecord) => {
      headers.set('authorization', `Bearer ${token}`);
      // Browsers before 2023 send the header on to another origin, and no page can tell where a redirect leads.
      const safely = { ...init, headers, redirect: redirect === 'follow' ? 'manual' : redirect } as const;
      const response = await send(request ? request.clone() : url.href, safely);
      if (redirect !== 'follow' || !isRedirect(response)) return response;
      await discard(response);
      throw new RedirectRefusedError();
    };

    const record = await refresh.current(signal, patienceMs);
    if (!record) return send(request ?? url.href, init);
    const response = await attempt(record);
    if (!(await concernsToken(response))) return response;
    const next = await refresh.after(record, signal).catch(async (error: unknown) => {
      await discard(response);
      throw error;
    });
    if (!next || isStream(init.body)) return response;
    await discard(response);
    const second = await attempt(next);
    if (second.status === response.status) refresh.remarkFutile(next);
    return second;
  };
}
