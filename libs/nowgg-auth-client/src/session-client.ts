import { backendAt, type Fetch } from './backend.js';
import { NoSessionError, RequestRefusedError, SessionUnavailableError } from './errors.js';
import { resolveOptions, type SessionClientOptions } from './options.js';
import { keepSession, type SessionState, type SessionStateListener } from './session-keeper.js';
import { recordOf } from './session-record.js';
import { tabLock, uniqueName } from './tab-lock.js';
import { tokenFetch } from './token-fetch.js';
import { refreshTokens } from './token-refresh.js';

/** Options of a call. An abort ends the wait of this caller; a refresh that other callers wait for continues. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface LoginOptions extends CallOptions {
  /** Name of the identity provider that issued the code. Default: the backend's. */
  readonly provider?: string;
}

export interface LogoutOptions extends CallOptions {
  /** Forget the session here even if the backend cannot be reached, where the session then lives until it expires. */
  readonly force?: boolean;
}

/** The player as the backend describes them at sign-in and on `GET me`; dates are ISO 8601 text. */
export interface SessionUser {
  readonly provider: string;
  /** Unique within {@link provider}. */
  readonly userId: string;
  readonly [field: string]: unknown;
}

/** A player's session with the backend. Its functions may be passed on without their object. */
export interface SessionClient {
  /** Resolves when the storage has been read; never rejects. */
  readonly ready: Promise<SessionState>;
  readonly sessionState: SessionState;
  /**
   * The current token, which may have expired; `undefined` without a session. For anything that is not an HTTP request,
   * such as opening a WebSocket: call {@link refreshAccessTokenIfNeeded} first.
   */
  readonly accessToken: string | undefined;
  /**
   * Signs the player in with a one-time authorization code.
   * @throws RequestRefusedError when the backend refuses the code (`errorCode` is `invalid_grant`)
   * @throws SessionUnavailableError when the backend gives no usable answer; the same code may be tried again
   * @throws NoSessionError when the session was cleared in the meantime
   */
  login(code: string, options?: LoginOptions): Promise<SessionUser>;
  /**
   * The platform's `fetch`, with the token added for allowed origins. A token that is due is refreshed first; after a
   * 401 the request is sent once more with a new token, unless its body is a stream. Without a session no token is
   * added.
   * @throws NoSessionError when a refresh before the request finds that the session has ended
   * @throws SessionUnavailableError when a new token is needed and not available now; the session stays
   * @throws RedirectRefusedError when a request with a token is redirected; `redirect: 'manual'` returns the redirect
   * to the caller
   */
  readonly fetch: Fetch;
  /**
   * Refreshes the token if it is due, at 90 % of its lifetime. All callers in all tabs share one request.
   * @returns the token to use; `undefined` without a session
   * @throws NoSessionError when the refresh finds that the session has ended
   * @throws SessionUnavailableError when the token has expired and no new one is available now; the session stays
   */
  refreshAccessTokenIfNeeded(options?: CallOptions): Promise<string | undefined>;
  /** `GET me`: the player as the backend's guard sees them. @throws as {@link fetchUserInfo} */
  fetchPrincipal(options?: CallOptions): Promise<SessionUser>;
  /**
   * `GET userinfo`: the identity system's data about the player.
   * @throws NoSessionError without a session, or when it has ended
   * @throws SessionUnavailableError when the backend gives no usable answer
   * @throws RequestRefusedError for any other refusal
   */
  fetchUserInfo(options?: CallOptions): Promise<Record<string, unknown>>;
  /** `GET sessioninfo`: device and place of the sign-in. @throws as {@link fetchUserInfo} */
  fetchSessionInfo(options?: CallOptions): Promise<Record<string, unknown>>;
  /** Forgets the session in all tabs, without telling the backend. */
  clearSessionState(): Promise<void>;
  /**
   * Ends the session at the backend, then here.
   * @throws SessionUnavailableError when the backend gives no usable answer; the session stays, unless `force` is set
   */
  logout(options?: LogoutOptions): Promise<void>;
  /** @returns a function that removes the listener */
  onSessionStateChange(listener: SessionStateListener): () => void;
  /** Stops listening to other tabs. The session stays where it is stored. */
  close(): void;
}

/**
 * Creates the client of one backend. Create one for each page or process.
 * @throws TypeError when an option cannot be used
 *
 * @example
 * ```ts
 * import { configure } from 'nowgg-auth-client';
 *
 * const session = configure({ baseUrl: 'https://api.example.com', storage: 'localStorage' });
 *
 * export async function signIn(code: string) {
 *   const { userId } = await session.login(code);
 *   const answer = await session.fetch('inventory'); // the token is added, and refreshed when it is due
 *   return { userId, ok: answer.ok };
 * }
 * ```
 */
export function configure(options: SessionClientOptions): SessionClient {
  const { baseUrl, routes, allowedOrigins, storage, send, timeoutMs, clock } = resolveOptions(options);
  const key = `nowgg-auth ${routes.href}`;
  const keeper = keepSession(key, storage, clock);
  const backend = backendAt(routes, send, timeoutMs, clock);
  // A tab may hold the lock for as long as its request takes.
  const lock = tabLock(key, storage, timeoutMs + 1_000, clock);
  const refresh = refreshTokens(keeper, backend, lock, clock);
  const fetch = tokenFetch(baseUrl, allowedOrigins, send, refresh);

  const listen = (listener: SessionStateListener) => {
    keeper.listeners.add(listener);
    return () => void keeper.listeners.delete(listener);
  };
  const getWithToken = async <T>(route: string, { signal }: CallOptions = {}): Promise<T> => {
    if (!(await keeper.open())) throw new NoSessionError();
    const body = await backend.ask(fetch, route, {}, signal);
    if (Object(body) !== body) throw new SessionUnavailableError();
    return body as T;
  };

  if (options.onSessionStateChange) listen(options.onSessionStateChange);
  const look = async () => keeper.state;
  const ready = keeper.open().then(look, look);

  return {
    ready,
    fetch,
    get sessionState() {
      return keeper.state;
    },
    get accessToken() {
      return keeper.record?.token;
    },
    async login(code, { provider, signal } = {}) {
      const { clearings } = keeper;
      const reply = await backend.postForToken('login', { code, provider }, signal);
      const { session, user } = reply;
      if (!session) throw new SessionUnavailableError();
      if (clearings !== keeper.clearings) throw new NoSessionError('the session has ended');
      await keeper.write(recordOf(reply, { id: uniqueName(), session }, clock), 'LOGIN');
      return user as SessionUser;
    },
    async refreshAccessTokenIfNeeded({ signal } = {}) {
      return (await refresh.current(signal))?.token;
    },
    fetchPrincipal: async (callOptions) => getWithToken('me', callOptions),
    fetchUserInfo: async (callOptions) => getWithToken('userinfo', callOptions),
    fetchSessionInfo: async (callOptions) => getWithToken('sessioninfo', callOptions),
    clearSessionState: async () => keeper.clear('CLEAR'),
    async logout({ force, signal } = {}) {
      const record = await keeper.open();
      try {
        if (record) await backend.post('logout', { session: record.session }, signal);
      } catch (error) {
        // A 401 means that there is nothing left to end.
        if (!force && !(error instanceof RequestRefusedError && error.status === 401)) throw error;
      }
      await keeper.clear('LOGOUT');
    },
    onSessionStateChange: listen,
    close: () => keeper.close(),
  };
}
