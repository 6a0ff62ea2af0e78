import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { IdentityUnavailableError, InvalidRequestError, type NowggAuthError, UserBannedError } from '../errors.js';
import type { RoutePolicy } from '../http/policy/policy.js';
import type { CallCredential } from '../http/transport.js';
import type { NowggPrincipal } from '../principal.js';
import type { Door } from './door.js';
import { closeCodeOf, END_EVENT, endOf, GOING_AWAY, isRefusal } from './end-of-socket.js';
import type { ServerPlace } from './gateways.js';
import type { HandshakeOutcome } from './handshake-judge.js';
import { HeldClient } from './held-client.js';
import { acceptanceOf, REAUTHENTICATION_EVENT } from './reauthentication.js';
import { SocketConnection, type SocketControls } from './socket-connection.js';
import { SUBPROTOCOL } from './socket-credential.js';
import { answer, isWellFormed, seesHttp } from './upgrade-request.js';
import { OPEN, type WsSocket } from './ws-socket.js';

/** Time for the close frame of the client before the socket is destroyed, in milliseconds. */
const CLOSES_WITHIN_MS = 5_000;
/** Payload of a frame up to which a refused client is listened to, in bytes. */
const REFUSED_PAYLOAD = 1_024;

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
  /** The clients that code of the application sends to; undefined when the server does not track them. */
  readonly clients?: Set<WsSocket>;
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
  readonly #server: WsServer;
  /** One function for all clients, with the client as `this`. */
  readonly #onClose: (this: WsSocket) => void;
  /** Accepts the clients that are refused, only to tell them the reason. */
  readonly #refusals: Pick<WsServer, 'handleUpgrade'>;

  constructor(door: Door, server: WsServer, place: ServerPlace) {
    this.#door = door;
    this.#place = place;
    this.#server = server;
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
    const policy = door.gateways.policyOf(this.#place);
    if (door.options.firstMessage && credential.outcome === 'none' && policy.access === 'required') {
      return this.#hold(handshake, done, policy, source);
    }
    let isOver = false;
    const end = door.pending.begin(() => {
      isOver = true;
      this.#refuse(handshake, new IdentityUnavailableError());
    });
    const hasGone = () => socket.destroyed;
    const onClose = () => end();
    socket.once('close', onClose);
    const outcome = await door.judge(policy, credential, { source, hasGone });
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

  /** Accepts a client without a token, and judges it by its first message. */
  #hold(handshake: Handshake, done: Done, policy: RoutePolicy, source: string | undefined): void {
    const { request, socket, head } = handshake;
    const door = this.#door;
    if (door.held.isFull) return this.#refuse(handshake, new IdentityUnavailableError());
    // Not compressed: from a few bytes an attacker could make many.
    delete request.headers['sec-websocket-extensions'];
    this.#upgrade(request, socket, head, (client, upgraded) => {
      socket.off('error', ignore);
      // Code of the application that sends to all clients must not reach this one yet.
      const isTracked = this.#server.clients?.delete(client) ?? false;
      const forget = door.closeAtShutdown(client);
      const end = door.held.begin(() => held.refuseLate());
      const onClose = () => {
        forget();
        end();
      };
      client.on('close', onClose);
      const judge = async (credential: CallCredential) => {
        const hasGone = () => !held.isOpen;
        const outcome = await door.judge(policy, credential, { source, hasGone });
        const error = 'error' in outcome ? outcome.error : door.notServing();
        if (error) held.refuse(error);
        if ('error' in outcome || !held.isOpen) return;
        client.off('close', onClose);
        onClose();
        held.release(() => {
          if (!this.#connect(client, upgraded, outcome, source)) return;
          if (isTracked) this.#server.clients?.add(client);
          const data = acceptanceOf(outcome.principal as NowggPrincipal);
          client.send(JSON.stringify({ event: REAUTHENTICATION_EVENT, data }), ignore);
          done(client, upgraded);
        });
      };
      const held: HeldClient = new HeldClient(
        client,
        socket,
        (error) => close(client, error, door),
        // A client without a verdict must not come in.
        (credential) => void judge(credential).catch(() => client.terminate()),
      );
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
    client.on('exception', sendRefusal);
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
function sendRefusal(this: WsSocket, data: unknown): void {
  if (isRefusal(data) && this.readyState === OPEN) this.send(JSON.stringify({ event: 'exception', data }));
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
