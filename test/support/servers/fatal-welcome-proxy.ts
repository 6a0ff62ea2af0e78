import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/**
 * Stands between a pool and its PostgreSQL. When told to, it accepts the next connections and ends each of them in one
 * packet, as a server does that is shut down at that moment.
 */
export class FatalWelcomeProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #doomed = 0;
  /** Connections that were ended so. */
  welcomed = 0;

  private constructor(port: number) {
    this.#server = createServer((client) => this.#serve(client, connect(port, '127.0.0.1')));
  }

  static async start(port: number): Promise<FatalWelcomeProxy> {
    const proxy = new FatalWelcomeProxy(port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** @param connections number of next connections that are ended */
  arm(connections = 1): void {
    this.#doomed = connections;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket, server: Socket): void {
    const isDoomed = this.#doomed > 0;
    if (isDoomed) this.#doomed -= 1;
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
    client.pipe(server);
    server.on('data', (chunk) => {
      if (!isDoomed || !chunk.subarray(-READY_FOR_QUERY.length).equals(READY_FOR_QUERY))
        return void client.write(chunk);
      this.welcomed += 1;
      client.end(Buffer.concat([chunk, shutDownError()]));
    });
  }
}

/** An ErrorResponse as `pg_ctl stop -m fast` sends it. */
function shutDownError(): Buffer {
  const fields = ['SFATAL', 'VFATAL', 'C57P01', 'Mterminating connection due to administrator command'];
  const body = Buffer.from(`${fields.join('\0')}\0\0`, 'latin1');
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
