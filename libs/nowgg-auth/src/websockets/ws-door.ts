import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { IdentityUnavailableError, InvalidRequestError, type NowggAuthError, UserBannedError } from '../errors.js';
import { errorHeaders } from '../http/challenge.js';
import { closeCodeOf, END_EVENT, endOf, GOING_AWAY, isRefusal } from './end-of-socket.js';
import type { ServerPlace } from './gateways.js';
import type { HandshakeOutcome } from './handshake-judge.js';
import { SUBPROTOCOL } from './socket-credential.js';
import { SocketConnection, type SocketControls } from './socket-connection.js';
import type { Door } from './door.js';

/** Time for the close frame of the client before the socket is destroyed, in milliseconds. */
const CLOSES_WITHIN_MS = 5_000;
/** Payload of a frame up to which a refused client is listened to, in bytes. */
const REFUSED_PAYLOAD = 1_024;
/** The state of a socket that can send. */
const OPEN = 1;
const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** The parts of `WebSocket` of the package ws that are used. */
export interface WsSocket {
  readonly readyState: number;
  /** Calls back, and never throws, while the socket closes. */
  send(data: string, done?: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

type Done = (socket: WsSocket, request: IncomingMessage) => void;
type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, done: Done) => void;
type ProtocolChoice = (protocols: Set<string>, request: IncomingMessage) => string | false;

interface WsServerOptions {
  handleProtocols?: ProtocolChoice | null;
}

/** The parts of `WebSocketServer` of the package ws that are used. */
export interface WsServer {
  handleUpgrade: Upgrade;
  shouldHandle(request: IncomingMessage): boolean;
  readonly options: WsServerOptions;
  readonly constructor: unknown;
}

interface Handshake {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  /** Whether the client sees the answer to a refused upgrade: a browser does not. */
  readonly seesHttp: boolean;
}

/** Authenticates the handshakes of one server of the package ws before the server handles them. */
export class WsDoor {
  readonly #door: Door;
  readonly #place: ServerPlace;
  readonly #upgrade: Upgrade;
  /** One function for all clients, with the client as `this`. */
  readonly #onClose: (this: WsSocket) => void;
  /** Accepts the clients that are refused, only to tell them the reason. */
  readonly #refusals: Pick<WsServer, 'handleUpgrade'>;

  constructor(door: Door, server: WsServer, place: ServerPlace) {
    this.#door = door;
    this.#place = place;
    this.#upgrade = server.handleUpgrade.bind(server);
    this.#onClose = function (this: WsSocket) {
      const connection = door.find(this);
      if (connection) door.forget(this, connection);
    };
    const Server = server.constructor as new (options: object) => WsServer;
    const own = { noServer: true, clientTracking: false, maxPayload: REFUSED_PAYLOAD };
    this.#refusals = new Server({ ...own, handleProtocols: (offered: Set<string>) => selected(offered, firstOf) });
    const { handleProtocols } = server.options;
    server.options.handleProtocols = (offered, request) =>
      selected(offered, (others) => (handleProtocols ? handleProtocols(others, request) : firstOf(others)));
    server.handleUpgrade = (request, socket, head, done) => {
      socket.on('error', ignore);
      if (!server.shouldHandle(request)) return this.#upgrade(request, socket, head, done);
      // A socket without a verdict must not come in.
      this.#admit({ request, socket, head, seesHttp: seesHttp(request) }, done).catch(() => socket.destroy());
    };
  }

  async #admit(handshake: Handshake, done: Done): Promise<void> {
    const { request, socket, head } = handshake;
    const door = this.#door;
    const source = door.sourceOf(request);
    // First of all, so that no refusal shows the token.
    const credential = door.takeCredential(request);
    const fault = isWellFormed(request) ? door.obstacle() : new InvalidRequestError('the upgrade request is malformed');
    if (fault) return this.#refuse(handshake, fault);
    let isOver = false;
    const end = door.pending.begin(() => {
      isOver = true;
      this.#refuse(handshake, new IdentityUnavailableError());
    });
    const hasGone = () => socket.destroyed;
    const onClose = () => end();
    socket.once('close', onClose);
    const outcome = await door.judge(door.gateways.policyOf(this.#place), credential, { source, hasGone });
    socket.off('close', onClose);
    end();
    if (isOver || socket.destroyed) return;
    if ('error' in outcome) return this.#refuse(handshake, outcome.error);
    this.#upgrade(request, socket, head, (client, upgraded) => {
      socket.off('error', ignore);
      // Banned since the verdict: Nest never learns of it.
      if (this.#connect(client, upgraded, outcome, source)) done(client, upgraded);
    });
  }

  /** Watches an admitted client. Keeps nothing of its handshake. @returns false when it has ended already */
  #connect(
    client: WsSocket,
    request: IncomingMessage,
    admitted: Exclude<HandshakeOutcome, { readonly error: NowggAuthError }>,
    source: string | undefined,
  ): boolean {
    const controls = new WsControls(client, request, this.#door);
    const connection = new SocketConnection('ws', admitted, controls, source);
    client.on('close', this.#onClose);
    sendRefusals(client);
    this.#door.remember(client, connection);
    return !connection.isEnded;
  }

  /** Answers by HTTP where the client sees it. Otherwise accepts the socket, and closes it with code and reason. */
  #refuse(handshake: Handshake, error: NowggAuthError): void {
    const { request, socket, head, seesHttp: byHttp } = handshake;
    if (socket.destroyed) return;
    const isUpgradable = !(error instanceof InvalidRequestError) || error.isAboutCredentials;
    if (byHttp || !isUpgradable) return answer(socket, error, this.#door.realm);
    this.#refusals.handleUpgrade(request, socket, head, (client) => {
      client.on('error', ignore);
      close(client, error, this.#door);
    });
  }
}

/** How an admitted client is closed, and where its user is shown. */
class WsControls implements SocketControls {
  readonly #client: WsSocket;
  /** Weak: with its headers, it takes more memory than all else that a socket keeps. */
  readonly #request: WeakRef<IncomingMessage & { user?: unknown }>;
  readonly #door: Door;

  constructor(client: WsSocket, request: IncomingMessage, door: Door) {
    this.#client = client;
    this.#request = new WeakRef(request);
    this.#door = door;
  }

  close(error: NowggAuthError): void {
    close(this.#client, error, this.#door);
  }

  showUser(principal: unknown): void {
    const request = this.#request.deref();
    if (request) request.user = principal;
  }

  hasGone(): boolean {
    return this.#client.readyState > 1;
  }
}

/** Closes a client with the reason, and destroys the socket of one that does not answer. */
function close(client: WsSocket, error: NowggAuthError, { pending }: Door): void {
  // A close frame has no place for the reason of a ban.
  if (error instanceof UserBannedError) client.send(JSON.stringify({ event: END_EVENT, data: endOf(error) }), ignore);
  client.close(closeCodeOf(error), error.errorCode);
  const cancel = pending.after(CLOSES_WITHIN_MS, () => client.terminate());
  client.on('close', cancel);
}

/** Closes a client because the server shuts down. */
export function closeGoingAway(client: WsSocket): void {
  client.close(GOING_AWAY);
}

/** Nest 11 emits a refusal on the client of ws as on one of socket.io, which sends nothing. Nest 12 sends it. */
function sendRefusals(client: WsSocket): void {
  client.on('exception', (data: unknown) => {
    if (isRefusal(data) && client.readyState === OPEN) client.send(JSON.stringify({ event: 'exception', data }));
  });
}

function answer(socket: Duplex, error: NowggAuthError, realm: string): void {
  const body = JSON.stringify(endOf(error));
  const status = error.getStatus();
  const lines = [
    `HTTP/1.1 ${status} ${REASONS.get(status) ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...errorHeaders(error, realm).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
]);

/** A browser always sends its origin, and cannot set the `Authorization` header of a WebSocket. */
function seesHttp({ headers }: IncomingMessage): boolean {
  const { origin, authorization, 'sec-websocket-protocol': protocols = '' } = headers;
  return authorization !== undefined || (origin === undefined && !protocols.includes(SUBPROTOCOL));
}

/** Checked before the identity system is asked; the server itself checks the rest. */
function isWellFormed({ method, headers }: IncomingMessage): boolean {
  const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = headers;
  return method === 'GET' && upgrade?.toLowerCase() === 'websocket' && KEY.test(key ?? '') && version !== undefined;
}

/** Chooses the application's own subprotocol where it chooses one, otherwise ours; never the token. */
function selected(offered: Set<string>, choose: (others: Set<string>) => string | false): string | false {
  const others = new Set(offered);
  const isOffered = others.delete(SUBPROTOCOL);
  const own = others.size > 0 ? choose(others) : undefined;
  return own || (isOffered ? SUBPROTOCOL : false);
}

function firstOf(protocols: Set<string>): string | false {
  return [...protocols][0] ?? false;
}

function ignore(): void {
  // The socket closes after an error; there is nothing to answer.
}
