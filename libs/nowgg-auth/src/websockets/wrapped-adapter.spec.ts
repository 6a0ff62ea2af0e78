import { describe, expect, it } from '@jest/globals';
import type { Door } from './door.js';
import type { SocketConnection } from './socket-connection.js';
import { wrapAdapter } from './wrapped-adapter.js';

interface Handler {
  readonly message: unknown;
  readonly callback: (data: unknown) => unknown;
}

/** Binds handlers by copies of its own, as an adapter does that counts or traces messages. */
class CopyingAdapter {
  readonly bound = new Map<object, Handler[]>();

  create(): unknown {
    return undefined;
  }

  bindClientConnect(): void {
    // Not used here.
  }

  bindMessageHandlers(client: object, handlers: readonly Handler[]): void {
    const copies = handlers.map((handler) => ({ ...handler, callback: (data: unknown) => handler.callback(data) }));
    this.bound.set(client, [...(this.bound.get(client) ?? []), ...copies]);
  }

  close(): void {
    // Not used here.
  }
}

function bindTwice(kind: SocketConnection['kind']) {
  const client = {};
  const connection = { kind, hasReauthenticationHandler: false };
  const door = {
    find: (each: object) => (each === client ? connection : undefined),
    reauthenticate: async (given: unknown, message: unknown) => ({ ok: given === connection, message }),
  };
  const adapter = new CopyingAdapter();
  const wrapped = wrapAdapter(adapter, door as Partial<Door> as Door);
  const own = { message: 'move', callback: () => 'moved' };
  for (const handlers of [[own], []]) wrapped.bindMessageHandlers(client, handlers);
  return adapter.bound.get(client) ?? [];
}

describe('the handler of the reserved message', () => {
  it('is added once for a client of several gateways, beside their own', () => {
    expect(bindTwice('ws').map(({ message }) => message)).toEqual(['move', 'nowgg:auth']);
  });

  it('answers as each kind of client expects, also where an adapter copies handlers', async () => {
    const data = { ok: true, message: { token: 'next' } };
    expect(await bindTwice('socket.io')[1]?.callback({ token: 'next' })).toEqual(data);
    expect(await bindTwice('ws')[1]?.callback({ token: 'next' })).toEqual({ event: 'nowgg:auth', data });
  });
});
