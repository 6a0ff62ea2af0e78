import type { Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { MAX_REPLY_BYTES } from './http-reply.js';

/** Time that an idle connection is kept, in milliseconds, unless the peer announces a shorter one. */
const IDLE_MS = 30_000;
/** Time to connect, in milliseconds. The deadline of a request is usually earlier, and ends the attempt as well. */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Options of every connection. */
export const CONNECTION_OPTIONS: Client.Options = {
  allowH2: false,
  pipelining: 1,
  // The deadline of a request is that of its caller, for the whole exchange.
  headersTimeout: 0,
  bodyTimeout: 0,
  keepAliveTimeout: IDLE_MS,
  maxHeaderSize: 16 * 1024,
  maxResponseSize: MAX_REPLY_BYTES,
};

/** A request on its way to a connection. The pool hands it to the connection that carries it. */
export interface ConnectedRequest extends Dispatcher.DispatchOptions {
  connection?: KeptConnection;
}

/** The state of one socket after the other. */
interface Line {
  connecting?: Socket | undefined;
  socket?: Socket | undefined;
  /** Requests written to this socket so far. */
  uses: number;
}

/** What a request needs to know about the socket that it is written to. */
export interface RequestSocket {
  /** Whether an earlier request used the socket: the peer may be closing it. */
  readonly isReused: boolean;
  /** Closes the socket. */
  readonly drop: () => void;
}

/** One connection to an origin. It opens a new socket when it is needed again after the last one was closed. */
export class KeptConnection extends Client {
  readonly #line: Line;

  /** @param open opens sockets; shared by the connections of a pool, because it keeps their TLS sessions */
  constructor(origin: URL | string, open: buildConnector.connector) {
    const line: Line = { uses: 0 };
    super(origin, { ...CONNECTION_OPTIONS, connect: openedInto(line, open) });
    this.#line = line;
  }

  override dispatch(request: ConnectedRequest, handler: Dispatcher.DispatchHandler): boolean {
    request.connection = this;
    return super.dispatch(request, handler);
  }

  /** The socket for a request that is about to be written. */
  use(): RequestSocket {
    const { socket } = this.#line;
    this.#line.uses += 1;
    return { isReused: this.#line.uses > 1, drop: () => socket?.destroy() };
  }

  /** Gives up the attempt to connect, if there is one. */
  stopConnecting(): void {
    this.#line.connecting?.destroy(new Error('the request was given up'));
  }
}

function openedInto(line: Line, open: buildConnector.connector): buildConnector.connector {
  return (target, done) => {
    // The connector returns its socket, which its type does not say.
    const opening = open(target, (...outcome) => {
      line.connecting = undefined;
      line.socket = outcome[1] ?? undefined;
      line.uses = 0;
      done(...outcome);
    }) as unknown as Socket | undefined;
    line.connecting = opening;
    return opening;
  };
}
