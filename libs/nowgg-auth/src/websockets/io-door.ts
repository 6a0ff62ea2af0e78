import type { IncomingMessage } from 'node:http';
import { IdentityUnavailableError, type NowggAuthError } from '../errors.js';
import type { CallCredential } from '../http/transport.js';
import type { NowggPrincipal } from '../principal.js';
import { END_EVENT, endOf, type NowggSocketEnd } from './end-of-socket.js';
import type { NamespaceName, ServerPlace } from './gateways.js';
import { combine, takeFromAuth } from './socket-credential.js';
import { SocketConnection } from './socket-connection.js';
import type { Door } from './door.js';

/** The parts of the transport of a socket.io client that are used. */
interface IoTransport {
  readonly request?: IncomingMessage;
  readonly readyState: string;
  once(event: 'close', listener: () => void): unknown;
  close(discard?: boolean): unknown;
}

/** The parts of a socket of socket.io that are used. */
export interface IoSocket {
  readonly handshake: { auth: unknown };
  readonly request: IncomingMessage;
  readonly conn: IoTransport;
  readonly connected: boolean;
  data: { user?: unknown };
  emit(event: string, data: unknown): unknown;
  disconnect(close?: boolean): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

type ConnectError = Error & { readonly data: NowggSocketEnd };
type Next = (error?: ConnectError) => void;

/** The parts of a namespace of socket.io that are used. */
export interface IoNamespace {
  use(middleware: (socket: IoSocket, next: Next) => void): unknown;
  on(event: 'connection' | 'connect', listener: (socket: IoSocket) => void): unknown;
}

/** The parts of a server of socket.io that are used. */
export interface IoServer {
  of(name: NamespaceName, listener?: (socket: IoSocket) => void): IoNamespace;
  connectTimeout(): number;
  connectTimeout(ms: number): unknown;
  readonly engine?: { on(event: 'connection', listener: (transport: IoTransport) => void): unknown };
  readonly opts?: { connectionStateRecovery?: { skipMiddlewares?: boolean } };
}

/** A transport on which no socket is connected yet, and what its first request brought. */
interface Opening {
  readonly credential: CallCredential;
  readonly source: string | undefined;
  /** Ends the time in which a socket must connect. */
  end: () => void;
}

/** Authenticates the handshakes of one server of socket.io: in every namespace, before any other middleware. */
export class IoDoor {
  readonly #door: Door;
  readonly #place: ServerPlace;
  readonly #openings = new WeakMap<IoTransport, Opening>();
  readonly #sockets = new WeakMap<IoTransport, Set<IoSocket>>();
  readonly #guarded = new WeakSet<IoNamespace>();

  constructor(door: Door, server: IoServer, place: ServerPlace) {
    this.#door = door;
    this.#place = place;
    // A recovered session would come in without a verdict: its player may be banned since.
    const recovery = server.opts?.connectionStateRecovery;
    if (recovery) recovery.skipMiddlewares = false;
    server.connectTimeout(Math.min(server.connectTimeout(), door.options.handshakeTimeoutMs));
    server.engine?.on('connection', (transport) => this.#open(transport));
    const of = server.of.bind(server);
    // Code of the application gets a namespace from here only: this middleware is its first one.
    server.of = (name, listener) => {
      const namespace = of(name);
      this.#guard(namespace, name);
      if (listener) namespace.on('connect', listener);
      return namespace;
    };
    server.of('/');
  }

  #guard(namespace: IoNamespace, name: NamespaceName): void {
    if (this.#guarded.has(namespace)) return;
    this.#guarded.add(namespace);
    // Children of a dynamic namespace copy both from their parent.
    namespace.use((socket, next) => void this.#answer(socket, name, next));
    namespace.on('connection', (socket) => this.#onConnection(socket));
  }

  #open(transport: IoTransport): void {
    if (this.#door.pending.isFull) return void transport.close(true);
    const opening: Opening = { ...this.#carriedBy(transport.request), end: this.#awaitSocket(transport) };
    transport.once('close', () => opening.end());
    this.#openings.set(transport, opening);
  }

  /** Closes a transport on which no socket connects in time. Returns a function that ends the wait. */
  #awaitSocket(transport: IoTransport): () => void {
    return this.#door.pending.begin(() => void transport.close(true));
  }

  #carriedBy(request: IncomingMessage | undefined): Omit<Opening, 'end'> {
    if (!request) return { credential: { outcome: 'none' }, source: undefined };
    const source = this.#door.sourceOf(request);
    return { credential: this.#door.takeCredential(request), source };
  }

  async #answer(socket: IoSocket, name: NamespaceName, next: Next): Promise<void> {
    let error: ConnectError | undefined;
    try {
      error = await this.#admit(socket, name);
    } catch {
      // A socket without a verdict must not come in.
      error = connectError(new IdentityUnavailableError());
    }
    next(error);
  }

  /** @returns the error that refuses the socket */
  async #admit(socket: IoSocket, name: NamespaceName): Promise<ConnectError | undefined> {
    const door = this.#door;
    // A child of a dynamic namespace: the middleware of its parent has decided.
    if (door.find(socket)) return undefined;
    const opening = this.#openings.get(socket.conn) ?? { ...this.#carriedBy(socket.request), end: () => undefined };
    this.#openings.set(socket.conn, opening);
    const credential = combine([opening.credential, takeFromAuth(socket.handshake.auth)]);
    const fault = door.notServing();
    if (fault) return connectError(fault);
    const hasGone = () => socket.conn.readyState !== 'open';
    const { source } = opening;
    const outcome = await door.judge(door.gateways.policyOf(this.#place, name), credential, { source, hasGone });
    if ('error' in outcome) return connectError(outcome.error);
    const controls = {
      close: (error: NowggAuthError) => this.#close(socket, error),
      showUser: (principal: NowggPrincipal | undefined) => showUser(socket, principal),
      hasGone,
    };
    door.prepare(socket, new SocketConnection('socket.io', outcome, controls, source));
    return undefined;
  }

  #onConnection(socket: IoSocket): void {
    const connection = this.#door.find(socket);
    if (!connection) {
      // Not possible with this middleware in place; a socket without a verdict must not stay.
      return void socket.disconnect(true);
    }
    const { conn } = socket;
    const opening = this.#openings.get(conn);
    opening?.end();
    const sockets = this.#sockets.get(conn) ?? new Set();
    this.#sockets.set(conn, sockets.add(socket));
    socket.once('disconnect', () => {
      sockets.delete(socket);
      this.#door.forget(socket, connection);
      if (opening && sockets.size === 0 && conn.readyState === 'open') opening.end = this.#awaitSocket(conn);
    });
    this.#door.remember(socket, connection);
  }

  #close(socket: IoSocket, error: NowggAuthError): void {
    socket.emit(END_EVENT, endOf(error));
    socket.disconnect();
    // Other namespaces of the client may be open to it still.
    if (!this.#sockets.get(socket.conn)?.size) socket.conn.close();
  }
}

function showUser(socket: IoSocket, principal: NowggPrincipal | undefined): void {
  if (principal) socket.data.user = principal;
  // A recovered session brings the data of the former one.
  else delete socket.data.user;
}

function connectError(error: NowggAuthError): ConnectError {
  return Object.assign(new Error(error.message), { data: endOf(error) });
}
