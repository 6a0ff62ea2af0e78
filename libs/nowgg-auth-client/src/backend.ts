import { untilAborted, type SessionClock, within } from './clock.js';
import { type RefusalDetails, RequestRefusedError, SessionClientError, SessionUnavailableError } from './errors.js';
import { isText, readTokenReply, type TokenReply } from './session-record.js';

/** The type of the platform's own `fetch`. */
export type Fetch = typeof globalThis.fetch;

/** HTTP statuses that mean "try again later". */
const retryable = /^(5..|408|42[59])$/;

/** The ready-made routes of the backend. Anything that is not a plain answer is a `SessionUnavailableError`. */
export interface Backend {
  /**
   * Sends a request and reads its answer, both within the time limit.
   * @throws RequestRefusedError for a 4xx
   * @throws the signal's reason when the caller aborts it
   */
  ask(send: Fetch, route: string, init: RequestInit, signal?: AbortSignal): Promise<unknown>;
  post(route: string, body: object, signal?: AbortSignal): Promise<unknown>;
  /** Asks whether the backend accepts a token. @throws RequestRefusedError when it does not */
  look(token: string): Promise<unknown>;
  /** Sends a sign-in or a refresh. */
  postForToken(route: string, body: object, signal?: AbortSignal): Promise<TokenReply>;
}

/** @param routes address of the routes, ending in a slash */
export function backendAt(routes: URL, send: Fetch, timeoutMs: number, clock: SessionClock): Backend {
  const ask: Backend['ask'] = async (sendIt, route, init, signal) => {
    const stop = new AbortController();
    const exchange = async () => {
      const { href } = new URL(route, routes);
      // Cookies are not used: no other site can make a browser send this request with a session in it.
      const response = await sendIt(href, { ...init, credentials: 'omit', signal: stop.signal });
      const body: unknown = await response.json().catch(() => undefined);
      if (response.ok) return { body };
      throw failureOf(response, body);
    };
    try {
      signal?.throwIfAborted();
      const answer = await untilAborted(within(clock, timeoutMs, exchange()), signal);
      if (answer) return answer.body;
      throw new SessionUnavailableError();
    } catch (error) {
      signal?.throwIfAborted();
      throw error instanceof SessionClientError ? error : new SessionUnavailableError();
    } finally {
      stop.abort();
    }
  };
  const post: Backend['post'] = async (route, body, signal) => {
    const headers = { 'content-type': 'application/json' };
    return ask(send, route, { method: 'POST', headers, body: JSON.stringify(body), redirect: 'error' }, signal);
  };
  const postForToken: Backend['postForToken'] = async (route, body, signal) => {
    const reply = readTokenReply(await post(route, body, signal));
    if (!reply) throw new SessionUnavailableError();
    return reply;
  };
  const look: Backend['look'] = async (token) =>
    ask(send, 'me', { headers: { authorization: `Bearer ${token}` }, redirect: 'error' });
  return { ask, post, postForToken, look };
}

function failureOf({ status, headers }: Response, body: unknown): SessionClientError {
  const answer = Object(body) as Record<string, unknown>;
  if (retryable.test(`${status}`)) {
    const seconds = Math.ceil(Number(headers.get('retry-after')));
    return new SessionUnavailableError(seconds > 0 ? Math.min(seconds, 60) : 1, answer.signInAllowed === true);
  }
  const details: RefusalDetails = Object.fromEntries(
    ['errorCode', 'reasonCode', 'text', 'until'].flatMap((name) =>
      isText(answer[name]) ? [[name, answer[name]]] : [],
    ),
  );
  return new RequestRefusedError(status, details.errorCode, details);
}
