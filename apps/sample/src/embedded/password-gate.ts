import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { isSameSecret } from '../auth/same-secret.js';

const protocolVersion = 196_608;
const requestsForEncryption = [80_877_103, 80_877_104];
/** Longest message in bytes: none at the beginning of a connection is longer. */
const longestMessage = 10_000;
const patienceMs = 5_000;

const cleartextPasswordWanted = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 3]);
const fields = `${['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed'].join('\0')}\0\0`;
const refusal = Buffer.concat([Buffer.from([0x45, 0, 0, 0, 4 + fields.length]), Buffer.from(fields)]);

/**
 * Asks every PostgreSQL client on a loopback port for a password, and forwards everything after it. The bridge of the
 * embedded database does not ask for one.
 */
export class PasswordGate {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param target path of the local socket that the database listens on */
  static async open(target: string, password: string): Promise<PasswordGate> {
    const server = createServer((client) => gate.#keep(client));
    const gate = new PasswordGate(server);
    server.on('connection', (client: Socket) => {
      void admit(client, password).then(
        (startup) => gate.#passOn(client, target, startup),
        () => client.destroy(),
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return gate;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #passOn(client: Socket, target: string, startup: Buffer): void {
    if (client.destroyed) return;
    const database = connect(target, () => database.write(startup));
    this.#keep(database);
    client.on('close', () => database.destroy());
    database.on('close', () => client.destroy());
    client.pipe(database);
    database.pipe(client);
  }
}

/**
 * Returns the startup message of a client that knows the password.
 * @throws when it does not, or sends something else
 */
async function admit(client: Socket, password: string): Promise<Buffer> {
  client.setNoDelay(true);
  const impatience = setTimeout(() => client.destroy(), patienceMs);
  try {
    let startup = await readMessage(client, 0);
    while (requestsForEncryption.includes(startup.readInt32BE(4))) {
      client.write('N');
      startup = await readMessage(client, 0);
    }
    if (startup.readInt32BE(4) !== protocolVersion) throw new Error('unsupported startup message');
    client.write(cleartextPasswordWanted);
    const message = await readMessage(client, 1);
    const given = message.subarray(5, -1).toString('utf8');
    if (message[0] === 0x70 && isSameSecret(given, password)) return startup;
    client.end(refusal);
    await once(client, 'close');
    throw new Error('wrong password');
  } finally {
    clearTimeout(impatience);
  }
}

/** Reads the next message: its type (none at the start), its length and its content. Nothing of a later one is read. */
async function readMessage(client: Socket, typeBytes: 0 | 1): Promise<Buffer> {
  const head = await readBytes(client, typeBytes + 4);
  const length = head.readInt32BE(typeBytes);
  if (length < 8 - 3 * typeBytes || length > longestMessage) throw new Error('unsupported message');
  return Buffer.concat([head, await readBytes(client, length - 4)]);
}

async function readBytes(client: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const bytes = client.read(count) as Buffer | null;
    if (bytes?.length === count) return bytes;
    if (client.readableEnded || client.destroyed) throw new Error('the client has disconnected');
    await Promise.race([once(client, 'readable'), once(client, 'close')]);
  }
}
