import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { requestHeaders } from './request-headers.js';

const HEADER_END = '\r\n\r\n';

/** One connection that sends a request as soon as the answer to the previous one has arrived. */
class Lane {
  readonly #socket: Socket;
  #received = '';
  #onAnswer: (() => void) | undefined;
  #onFault: ((error: Error) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true).setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#receive(chunk));
    socket.on('error', (error) => this.#onFault?.(error));
    socket.on('close', () => this.#onFault?.(new Error('the server closed a connection')));
  }

  /** Takes requests until there are no more; every answer must be a 200. */
  drive(next: () => Buffer | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const send = () => {
        const request = next();
        if (request) this.#socket.write(request);
        else resolve();
      };
      this.#onAnswer = send;
      this.#onFault = reject;
      send();
    });
  }

  close(): void {
    this.#onFault = undefined;
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    this.#received += chunk;
    const headerEnd = this.#received.indexOf(HEADER_END);
    if (headerEnd < 0) return;
    const length = /\r\ncontent-length: (\d+)/i.exec(this.#received)?.[1];
    if (!this.#received.startsWith('HTTP/1.1 200') || length === undefined) {
      this.#onFault?.(new Error(`unexpected answer: ${this.#received.slice(0, this.#received.indexOf('\r\n'))}`));
      return;
    }
    if (this.#received.length < headerEnd + HEADER_END.length + Number(length)) return;
    this.#received = '';
    this.#onAnswer?.();
  }
}

/**
 * A fixed number of requests over a few kept-alive connections, one at a time on each. Does as little as possible per
 * answer, so that the server's core is the busy one and not the driver's.
 */
export class HttpLoad {
  readonly #lanes: readonly Lane[];

  private constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes;
  }

  static async open(port: number, connections: number): Promise<HttpLoad> {
    const sockets = await Promise.all(
      Array.from({ length: connections }, async () => {
        const socket = connect(port, '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      }),
    );
    return new HttpLoad(sockets.map((socket) => new Lane(socket)));
  }

  /** Sends `amount` requests, taken from the pool one after the other. @throws Error for any answer but 200 */
  async run(pool: readonly Buffer[], amount: number): Promise<void> {
    let sent = 0;
    const next = () => (sent < amount ? pool[sent++ % pool.length] : undefined);
    await Promise.all(this.#lanes.map((lane) => lane.drive(next)));
  }

  close(): void {
    for (const lane of this.#lanes) lane.close();
  }
}

/** A GET with a bearer token, as bytes. */
export function getRequest(path: string, token: string): Buffer {
  const words = requestHeaders(token);
  const lines = [`GET ${path} HTTP/1.1`];
  for (let i = 0; i < words.length; i += 2) lines.push(`${words[i]}: ${words[i + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}${HEADER_END}`, 'latin1');
}
