import { REAUTHENTICATION_EVENT } from './reauthentication.js';
import type { SocketConnection } from './socket-connection.js';
import type { Door } from './door.js';

/** A message handler as Nest passes it to an adapter. */
interface MessageHandler {
  readonly message: unknown;
  readonly callback: (...args: never[]) => unknown;
  readonly isAckHandledManually?: boolean;
}

/** The parts of Nest's `WebSocketAdapter` that are used. */
export interface WebSocketAdapterLike {
  create(port: number, options?: never): unknown;
  bindClientConnect(server: never, callback: (...args: never[]) => unknown): unknown;
  bindMessageHandlers(client: never, handlers: never, transform: never): unknown;
  close(server: never): unknown;
}

type Method = (...args: unknown[]) => unknown;

const wrapped = new WeakSet<object>();

export function isWrapped(adapter: unknown): boolean {
  return typeof adapter === 'object' && adapter !== null && wrapped.has(adapter);
}

/**
 * A delegate of an adapter that guards the servers which the adapter creates. Its other methods and fields are those of
 * the adapter.
 */
export function wrapAdapter<Adapter extends WebSocketAdapterLike>(adapter: Adapter, door: Door): Adapter {
  const call = (name: keyof WebSocketAdapterLike, args: unknown[]): unknown =>
    (adapter[name] as unknown as Method).apply(adapter, args);
  const own: Readonly<Record<string, Method>> = {
    create: (port, options, ...rest) => {
      const server = call('create', [port, options, ...rest]);
      door.guardServer(server, { port: port as number, path: (options as { path?: string } | undefined)?.path });
      return server;
    },
    bindClientConnect: (server, callback, ...rest) => {
      const onConnect = (client: object, ...more: unknown[]) => {
        // A socket that came in past the door never reaches a gateway, nor one that has ended meanwhile.
        const connection = door.find(client);
        if (connection && !connection.isEnded) (callback as Method)(client, ...more);
        else if (!connection) dropUnknown(client);
      };
      return call('bindClientConnect', [server, onConnect, ...rest]);
    },
    bindMessageHandlers: (client, handlers, ...rest) => {
      const connection = door.find(client as object);
      if (!connection) return undefined;
      const all = withReauthentication(door, connection, handlers as readonly MessageHandler[]);
      return call('bindMessageHandlers', [client, all, ...rest]);
    },
  };
  const methods = new Map<PropertyKey, unknown>();
  const proxy = new Proxy(adapter, {
    get: (target, name) => {
      if (typeof name === 'string' && Object.hasOwn(own, name)) return own[name];
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || name === 'constructor') return value;
      // Bound to the adapter, whose private fields a proxy does not have.
      if (!methods.has(name)) methods.set(name, (value as Method).bind(target));
      return methods.get(name);
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
  wrapped.add(proxy);
  return proxy;
}

/** Adds the handler of the reserved message, once for each client: several gateways may bind theirs. */
function withReauthentication(
  door: Door,
  connection: SocketConnection,
  handlers: readonly MessageHandler[],
): readonly MessageHandler[] {
  if (connection.hasReauthenticationHandler) return handlers;
  connection.hasReauthenticationHandler = true;
  return [...handlers, new ReauthenticationHandler(door, connection)];
}

/** The handler of the reserved message. Tens of thousands of idle clients have one: its function is made when it is used. */
class ReauthenticationHandler implements MessageHandler {
  readonly message = REAUTHENTICATION_EVENT;
  readonly #door: Door;
  readonly #connection: SocketConnection;

  constructor(door: Door, connection: SocketConnection) {
    this.#door = door;
    this.#connection = connection;
  }

  get isAckHandledManually(): boolean {
    return false;
  }

  get callback(): (message: unknown) => Promise<unknown> {
    return async (message) => {
      const data = await this.#door.reauthenticate(this.#connection, message);
      // A client of socket.io gets it as acknowledgement; one of ws, as a message.
      return this.#connection.kind === 'socket.io' ? data : { event: REAUTHENTICATION_EVENT, data };
    };
  }
}

function dropUnknown(client: object): void {
  const { terminate, disconnect } = client as { terminate?: () => void; disconnect?: (close: boolean) => void };
  if (terminate) terminate.call(client);
  else disconnect?.call(client, true);
}
