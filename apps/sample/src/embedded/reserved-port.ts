import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/**
 * A port that is kept free for the app. Where it may take any port, its address has to be known before it listens: the
 * redirect URI of web players has it in it. Starting takes seconds, in which others look for ports as well.
 */
export class ReservedPort {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  static async take(host: string): Promise<ReservedPort> {
    // Whoever calls before the app listens finds nobody.
    const server = createServer((socket) => socket.destroy()).listen(0, host);
    await once(server, 'listening');
    return new ReservedPort(server);
  }

  /** Gives the port to whoever listens next. Once or more often. */
  async release(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
