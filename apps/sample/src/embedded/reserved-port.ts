import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';

/**
 * A port that is reserved for the app. Starting takes seconds, in which other programs look for ports as well, and a port
 * that is taken is found before anything is created. When the app may take any port, its address has to be known before
 * it listens: the redirect URI of web players contains it.
 */
export class ReservedPort {
  readonly port: number;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  /** @param port 0: any free one */
  static async take(host: string, port = 0): Promise<ReservedPort> {
    // A connection that arrives before the app listens is closed.
    const server = createServer((socket) => socket.destroy()).listen(port, host);
    await once(server, 'listening');
    return new ReservedPort(server);
  }

  /** Releases the port for the next listener. May be called more than once. */
  async release(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, 'close');
  }
}
