import type { SessionClient } from './session-client.js';

/** The part of a socket.io client that {@link socketAuth} uses. */
export interface SocketIoClient {
  readonly connected: boolean;
  readonly active: boolean;
  connect(): unknown;
  on(event: string, listener: (value: never) => void): unknown;
  emit(event: string, ...values: unknown[]): unknown;
}

/** Options of {@link socketAuth}. */
export interface SocketAuthOptions {
  /** Time between two looks for a new token while a socket is connected, in milliseconds. Default 5,000. */
  readonly everyMs?: number;
  /** An abort ends the attempts to connect again, such as when the part of the page that uses the socket goes away. */
  readonly signal?: AbortSignal;
}

/** Options of the clients, which give a token to each connection. */
export interface SocketAuth {
  /** Option of socket.io, which calls it as a method of the socket: no other function may stand around it. */
  readonly auth: (this: unknown, done: (data: { readonly token: string | undefined }) => void) => void;
  /** Option of graphql-ws. */
  readonly connectionParams: () => Promise<{ readonly authorization?: string }>;
}

/** The reason for which the backend refused or ended a socket. */
interface End {
  readonly errorCode?: string;
  readonly retryAfterSeconds?: number;
}

/**
 * Authenticates sockets with the session's token: for socket.io and graphql-ws clients of a backend with
 * `nestjs-nowgg-auth/websockets` or `nestjs-nowgg-auth/graphql`. Each connection, also one that the client makes
 * again, gets a token that is refreshed if it is due. A socket.io client stays connected beyond the life of its
 * token: it sends each new one in the message `nowgg:auth`. When its token has expired or the identity system is
 * silent, it connects again after a pause; after a ban or a sign-out it does not.
 *
 * Without a session no token is sent, which a public gateway accepts. It throws no error of the session: while no new
 * token is available, the last one is sent.
 *
 * `auth` throws a `TypeError` when socket.io does not call it as a method of the socket, because other code wraps it.
 *
 * @example
 * ```ts
 * import { createClient } from 'graphql-ws';
 * import { configure } from 'nowgg-auth-client';
 * import { socketAuth } from 'nowgg-auth-client/sockets';
 * import { io } from 'socket.io-client';
 *
 * const session = configure({ baseUrl: 'https://game.example.com' });
 *
 * const { auth, connectionParams } = socketAuth(session);
 *
 * export const lobby = io('https://game.example.com', { auth });
 * export const graphql = createClient({ url: 'wss://game.example.com/graphql', connectionParams });
 * ```
 */
export function socketAuth(
  session: Pick<SessionClient, 'accessToken' | 'fetchPrincipal' | 'refreshAccessTokenIfNeeded'>,
  { everyMs = 5_000, signal }: SocketAuthOptions = {},
): SocketAuth {
  /** The last token of each socket. */
  const sent = new WeakMap<SocketIoClient, string | undefined>();
  const current = async () => session.refreshAccessTokenIfNeeded().catch(() => session.accessToken);

  const keep = (socket: SocketIoClient) => {
    let timer: ReturnType<typeof setInterval> | undefined;
    let end: End = {};
    let failures = 0;

    const renew = async () => {
      const token = await current();
      if (!socket.connected || !token || token === sent.get(socket)) return;
      sent.set(socket, token);
      socket.emit('nowgg:auth', { token }, ({ ok }: { ok: boolean }) => ok || sent.set(socket, undefined));
    };
    const again = async ({ errorCode, retryAfterSeconds }: End) => {
      let seconds = retryAfterSeconds;
      // A 401 on a route has the token refreshed, even where this machine's clock says that it is not due.
      if (errorCode === 'expired_token')
        seconds = await session.fetchPrincipal().then(
          () => 0,
          (error: End) => error.retryAfterSeconds,
        );
      if (seconds === undefined) return;
      const pauseMs = Math.max(seconds, failures && 2 ** Math.min(failures, 6)) * 1_000;
      failures += 1;
      setTimeout(() => signal?.aborted || socket.active || socket.connect(), pauseMs);
    };

    socket.on('connect', () => {
      failures = 0;
      end = {};
      timer = setInterval(() => void renew(), everyMs);
    });
    socket.on('nowgg:end', (reason: End) => {
      end = reason;
    });
    socket.on('disconnect', () => {
      clearInterval(timer);
      void again(end);
    });
    socket.on('connect_error', ({ data }: { data?: End }) => void again(data ?? {}));
  };

  return {
    auth: function (done) {
      const socket = this as SocketIoClient | undefined;
      if (!socket?.on) throw new TypeError('socket.io must call auth itself');
      if (!sent.has(socket)) keep(socket);
      sent.set(socket, undefined);
      const handOver = async () => {
        const token = await current();
        sent.set(socket, token);
        done({ token });
      };
      void handOver();
    },
    connectionParams: async () => {
      const token = await current();
      return token ? { authorization: `Bearer ${token}` } : {};
    },
  };
}
