import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type RawRequest, RequestReader } from './raw-request.js';

/** One call that arrived, and the socket on which any bytes at all may be answered. */
export interface RawExchange {
  readonly request: RawRequest;
  readonly socket: Socket;
}

/** Plays one answer. It decides about every byte and about what becomes of the connection. */
export type RawAnswer = (exchange: RawExchange) => void | Promise<void>;

export interface RawPeerOptions {
  /** Speaks TLS with this certificate. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/**
 * A scripted server on a plain socket, for answers that a real HTTP server refuses to give. Every call gets the next
 * answer of {@link thenAnswer}, else the standing one of {@link alwaysAnswer}; a call without an answer fails the test
 * when the peer is disposed of.
 */
export class RawPeer implements AsyncDisposable {
  readonly requests: RawRequest[] = [];
  /** Connections accepted so far, also those that never sent a byte. */
  connectionCount = 0;
  readonly #server: Server;
  readonly #scheme: string;
  readonly #sockets = new Set<Socket>();
  readonly #queue: RawAnswer[] = [];
  readonly #faults: string[] = [];
  #standing: RawAnswer | undefined;
  #waiting: (() => void)[] = [];

  private constructor(server: Server, scheme: string) {
    this.#server = server;
    this.#scheme = scheme;
  }

  static async start(options: RawPeerOptions = {}): Promise<RawPeer> {
    const server: Server = options.tls ? createTlsServer(options.tls) : createServer({ allowHalfOpen: true });
    const peer = new RawPeer(server, options.tls ? 'https' : 'http');
    server.on('connection', (socket: Socket) => {
      peer.connectionCount += 1;
      // A TLS server announces the raw socket first; it has to be destroyed with the rest.
      peer.#keep(socket);
      if (!options.tls) peer.#serve(socket);
    });
    server.on('secureConnection', (socket: Socket) => peer.#serve(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return peer;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What a client takes as its base URL. */
  get url(): string {
    return `${this.#scheme}://127.0.0.1:${this.port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** The next calls get these answers, in this order. */
  thenAnswer(...answers: RawAnswer[]): this {
    this.#queue.push(...answers);
    return this;
  }

  /** Every call without an answer of its own gets this one. */
  alwaysAnswer(answer: RawAnswer): this {
    this.#standing = answer;
    return this;
  }

  /** Calls of one endpoint, by the end of its path. */
  requestsTo(pathEnd: string): RawRequest[] {
    return this.requests.filter((request) => request.path.endsWith(pathEnd));
  }

  /** Resolves when `count` calls have arrived. */
  async untilRequests(count: number): Promise<void> {
    while (this.requests.length < count) await this.#change();
  }

  /** Resolves when no connection is open any more: the client has let go of all of them. */
  async untilDisconnected(): Promise<void> {
    while (this.#sockets.size > 0) await this.#change();
  }

  /** Ends every connection that is open now, as a server does that has had enough of idle ones. */
  async dropConnections(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.untilDisconnected();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    if (this.#faults.length > 0) throw new Error(`raw peer: ${this.#faults.join('; ')}`);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    // A client that goes away is what many tests are about; a test that cares looks at the connections.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      this.#announce();
    });
  }

  #serve(socket: Socket): void {
    if (!this.#sockets.has(socket)) this.#keep(socket);
    const reader = new RequestReader(this.connectionCount);
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      for (const request of reader.read(chunk)) this.#answer({ request, socket });
    });
  }

  #answer(exchange: RawExchange): void {
    this.requests.push(exchange.request);
    const answer = this.#queue.shift() ?? this.#standing;
    if (answer) {
      Promise.resolve(answer(exchange)).catch((error: Error) => this.#faults.push(error.message));
    } else {
      this.#faults.push(`unexpected ${exchange.request.method} ${exchange.request.path}`);
      exchange.socket.destroy();
    }
    this.#announce();
  }

  #announce(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
