import { backendAt, type Fetch } from './backend.js';
import { untilAborted } from './clock.js';
import { NoSessionError, RequestRefusedError, SessionUnavailableError } from './errors.js';
import { resolveOptions, type SessionClientOptions } from './options.js';
import { keepSession, type SessionState, type SessionStateListener } from './session-keeper.js';
import { pageSignIn, type SignInUrlOptions } from './page-sign-in.js';
import { noHandle, readTokenReply, recordOf, type TokenReply } from './session-record.js';
import { randomText, tabLock, uniqueName } from './tab-lock.js';
import { tokenFetch } from './token-fetch.js';
import { refreshTokens } from './token-refresh.js';

/** Options of a call. An abort ends the wait of this caller; a refresh that other callers wait for continues. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface LoginOptions extends CallOptions {
  /** Name of the identity provider that issued the code. Default: the backend's. */
  readonly provider?: string;
  /** Name of this device, for the player's list of sessions. Default: what the backend reads in `User-Agent`. */
  readonly device?: string;
  /** An id of 16 to 128 characters that this device keeps: a new sign-in with it replaces its session. */
  readonly deviceId?: string;
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

/** A session of the player on one of their devices. */
export interface PlayerSession {
  /** For {@link SessionClient.endSession}. */
  readonly id: string;
  /** As the device named itself: show it as text, never as markup. */
  readonly device?: string;
  readonly place?: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** ISO 8601, to the day or to the minute. */
  readonly lastSeenAt: string;
  /** Whether it is the session of this client. */
  readonly current: boolean;
}

/** A session that the page got otherwise than by this client: the answer of a sign-in, or a token alone. */
export interface AdoptedSession {
  readonly token: string;
  /** ISO 8601; absent when it is not known. */
  readonly tokenExpiresAt?: string;
  /** Default 1. */
  readonly generation?: number;
  /** The session handle. Without it the token cannot be refreshed: the session ends with the token. */
  readonly session?: string;
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
   * Begins a sign-in at a standard identity system: send the browser to this address, by `location.assign()`. The page
   * that it comes back to calls {@link completeSignIn}. Needs a secure page (https or this machine).
   *
   * @param provider name of the identity provider
   */
  signInUrl(provider: string, options?: SignInUrlOptions): Promise<string>;
  /**
   * Completes the sign-in that this page comes back from, and removes its values from the address bar and the history
   * at once. Call it at each start of the page.
   *
   * @returns the player; `undefined` when this page does not come from a sign-in
   * @throws RequestRefusedError when there is no session: `errorCode` is the identity system's reason, such as
   *   `access_denied`, or `invalid_grant` when no page of this origin began the sign-in or it is too old
   * @throws SessionUnavailableError when the backend gives no usable answer; call it again
   * @throws NoSessionError when the session was cleared in the meantime
   */
  completeSignIn(options?: CallOptions): Promise<SessionUser | undefined>;
  /**
   * Takes a session that the page got otherwise, such as by the JSON answer of the callback. It replaces the present
   * one.
   * @throws TypeError when it is not a session
   */
  adopt(session: AdoptedSession): Promise<void>;
  /**
   * The platform's `fetch`, with the token added for allowed origins. A token that is due is refreshed first; after a
   * 401 the request is sent once more with a new token, unless its body is a stream. A 401
   * `insufficient_user_authentication` is returned at once: only a new sign-in helps. Without a session no token is added.
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
  /** `GET sessions`: the player's sessions on all devices, newest first. @throws as {@link fetchUserInfo} */
  sessions(options?: CallOptions): Promise<readonly PlayerSession[]>;
  /**
   * Ends a session of the player. One that has ended already is a `RequestRefusedError` with the status 404.
   * @throws as {@link fetchUserInfo}
   */
  endSession(id: string, options?: CallOptions): Promise<void>;
  /**
   * Ends every session of the player but this one.
   * @returns their number
   * @throws as {@link fetchUserInfo}
   */
  endOtherSessions(options?: CallOptions): Promise<number>;
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
  const backend = backendAt(routes, options.binding?.(send, key, clock, storage) ?? send, timeoutMs, clock);
  // A token goes to allowed origins only, and this may not be one.
  if (!allowedOrigins.has(routes.origin)) backend.look = async () => undefined;
  // A tab may hold the lock for as long as its request takes.
  const lock = tabLock(key, storage, timeoutMs + 1_000, clock);
  const refresh = refreshTokens(keeper, backend, lock, clock);
  const fetch = tokenFetch(baseUrl, allowedOrigins, send, refresh);

  const listen = (listener: SessionStateListener) => {
    keeper.listeners.add(listener);
    return () => void keeper.listeners.delete(listener);
  };
  const askWithToken = async (route: string, { signal }: CallOptions = {}, method = 'GET') => {
    if (!(await keeper.open())) throw new NoSessionError();
    return backend.ask(fetch, route, { method }, signal);
  };
  const getWithToken = async <T>(route: string, callOptions?: CallOptions, method?: string): Promise<T> => {
    const body = await askWithToken(route, callOptions, method);
    if (Object(body) !== body) throw new SessionUnavailableError();
    return body as T;
  };

  let attempt: { readonly code: string; readonly id: string } | undefined;
  const page = pageSignIn(key, routes, storage, backend, timeoutMs, clock);
  const start = async (reply: TokenReply, session: string) =>
    keeper.write(recordOf(reply, { id: uniqueName(), session }, clock), 'LOGIN');
  const startUnlessCleared = async (reply: TokenReply, clearings: number) => {
    const { session, user } = reply;
    if (!session) throw new SessionUnavailableError();
    if (clearings !== keeper.clearings) throw new NoSessionError('the session has ended');
    await start(reply, session);
    return user as SessionUser;
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
    async login(code, { provider, device, deviceId, signal } = {}) {
      const { clearings } = keeper;
      // The code alone does not give the session twice: a retry shows that it comes from here.
      if (attempt?.code !== code) attempt = { code, id: randomText(9) };
      const body = { code, provider, device, deviceId, attemptId: attempt.id };
      const reply = await backend.postForToken('login', body, signal);
      return startUnlessCleared(reply, clearings);
    },
    signInUrl: async (provider, signInOptions) => page.url(provider, signInOptions),
    async completeSignIn({ signal } = {}) {
      const { clearings } = keeper;
      return untilAborted(
        page.complete(async (reply) => startUnlessCleared(reply, clearings)),
        signal,
      );
    },
    async adopt(given) {
      const reply = readTokenReply({ generation: 1, ...given });
      if (!reply || (given.session !== undefined && !reply.session)) throw new TypeError('this is not a session');
      await start(reply, reply.session ?? noHandle);
    },
    async refreshAccessTokenIfNeeded({ signal } = {}) {
      return (await refresh.current(signal))?.token;
    },
    fetchPrincipal: async (callOptions) => getWithToken('me', callOptions),
    fetchUserInfo: async (callOptions) => getWithToken('userinfo', callOptions),
    fetchSessionInfo: async (callOptions) => getWithToken('sessioninfo', callOptions),
    sessions: async (callOptions) =>
      (await getWithToken<{ sessions: PlayerSession[] }>('sessions', callOptions)).sessions,
    async endSession(id, callOptions) {
      await askWithToken(`sessions/${encodeURIComponent(id)}`, callOptions, 'DELETE');
    },
    endOtherSessions: async (callOptions) =>
      (await getWithToken<{ ended: number }>('sessions', callOptions, 'DELETE')).ended,
    clearSessionState: async () => keeper.clear('CLEAR'),
    async logout({ force, signal } = {}) {
      const record = await keeper.open();
      try {
        if (record && record.session !== noHandle) await backend.post('logout', { session: record.session }, signal);
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
