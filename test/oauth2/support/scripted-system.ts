import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedReply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Sent as JSON unless it is text. */
  readonly body?: unknown;
}

/** A server that gives one answer to everything, and remembers what it was asked. */
export class ScriptedSystem implements AsyncDisposable {
  reply: ScriptedReply = {};
  /** Given before {@link reply}, each once and in this order. */
  replies: ScriptedReply[] = [];
  readonly seen: { readonly path: string; readonly authorization: string | undefined }[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<ScriptedSystem> {
    const server = createServer();
    const system = new ScriptedSystem(server);
    server.on('request', (request, response) => {
      system.seen.push({ path: request.url ?? '', authorization: request.headers.authorization });
      const { status = 200, headers = {}, body = {} } = system.replies.shift() ?? system.reply;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return system;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
