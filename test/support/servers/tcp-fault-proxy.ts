import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * What the way between client and server does. Faults strike what the server sends; a black hole, a half-close and a
 * reset strike the connection.
 *
 * - `pass`: nothing.
 * - `delay`: the server's bytes arrive so much later.
 * - `drip`: the server's bytes arrive one by one with a pause between them.
 * - `blackHole`: nothing arrives on either side, nothing is closed. What was sent is kept and arrives when the fault ends,
 *   as TCP would repeat it.
 * - `halfClose`: the client is told that the server has said everything; what the client sends still arrives.
 * - `reset`: connections end with RST, new ones too.
 * - `cutAfter`: a connection ends once so many bytes of the server have arrived on it, counted from the switch.
 * - `corrupt`: every byte of the server arrives inverted.
 */
export type TcpFault =
  | { readonly mode: PlainTcpFault }
  | { readonly mode: 'delay'; readonly ms: number }
  | { readonly mode: 'drip'; readonly ms: number }
  | { readonly mode: 'cutAfter'; readonly bytes: number };

/** Faults that need no number. */
export type PlainTcpFault = 'pass' | 'blackHole' | 'halfClose' | 'reset' | 'corrupt';

export interface TcpTarget {
  readonly port: number;
  readonly host?: string;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes of the server that the client may still get under `cutAfter`. */
  bytesLeft: number;
}

/** A TCP proxy whose faults can be switched while connections are open. */
export class TcpFaultProxy implements AsyncDisposable {
  /** Connections that clients have made so far. */
  connectionCount = 0;
  readonly #target: TcpTarget;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #fault: TcpFault = { mode: 'pass' };
  #ended = newEnd();

  private constructor(target: TcpTarget) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#accept(client));
  }

  static async start(target: TcpTarget): Promise<TcpFaultProxy> {
    const proxy = new TcpFaultProxy(target);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get openConnections(): number {
    return this.#pairs.size;
  }

  /** From now on the way has this fault, for open connections and new ones. */
  switchTo(fault: TcpFault | PlainTcpFault): void {
    this.#fault = typeof fault === 'string' ? { mode: fault } : fault;
    for (const pair of this.#pairs) this.#strike(pair);
    const ended = this.#ended;
    this.#ended = newEnd();
    ended.abort();
  }

  /** Ends every connection that is open now, in order. */
  dropConnections(): void {
    for (const pair of this.#pairs) this.#end(pair);
  }

  async close(): Promise<void> {
    this.#fault = { mode: 'pass' };
    this.#ended.abort();
    this.dropConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #accept(client: Socket): void {
    this.connectionCount += 1;
    const server = connect({ allowHalfOpen: true, host: '127.0.0.1', ...this.#target });
    const pair: Pair = { client, server, bytesLeft: 0 };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // What a broken connection does to the other side is what tests are about.
      socket.on('error', () => this.#end(pair));
    }
    // When the server has closed, what it said may still be under way.
    client.on('close', () => this.#end(pair));
    void this.#pump(pair, client, server, (chunk) => this.#fromClient(pair, chunk));
    void this.#pump(pair, server, client, (chunk) => this.#fromServer(pair, chunk));
    this.#strike(pair);
  }

  /** Carries one direction, a chunk at a time, so that order is kept whatever the fault. */
  async #pump(pair: Pair, from: Socket, to: Socket, carry: (chunk: Buffer) => Promise<void>): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) await carry(chunk as Buffer);
      await this.#whileBlackHole();
      if (!to.writableEnded) to.end();
    } catch {
      this.#end(pair);
    }
  }

  async #fromClient({ server }: Pair, chunk: Buffer): Promise<void> {
    await this.#whileBlackHole();
    await send(server, chunk);
  }

  async #fromServer(pair: Pair, chunk: Buffer): Promise<void> {
    await this.#whileBlackHole();
    const fault = this.#fault;
    const { client } = pair;
    if (client.writableEnded) return;
    switch (fault.mode) {
      case 'delay':
        await this.#pause(fault.ms);
        return send(client, chunk);
      case 'drip':
        return this.#drip(client, chunk, fault.ms);
      case 'cutAfter':
        return this.#cut(pair, chunk);
      case 'corrupt':
        return send(client, Buffer.from(chunk.map((byte) => byte ^ 0xff)));
      default:
        return send(client, chunk);
    }
  }

  async #drip(client: Socket, chunk: Buffer, ms: number): Promise<void> {
    const { signal } = this.#ended;
    for (let index = 0; index < chunk.length; index += 1) {
      // When the fault ends, the rest arrives at once.
      if (signal.aborted) return send(client, chunk.subarray(index));
      await send(client, chunk.subarray(index, index + 1));
      await this.#pause(ms);
    }
  }

  async #cut(pair: Pair, chunk: Buffer): Promise<void> {
    const allowed = chunk.subarray(0, pair.bytesLeft);
    pair.bytesLeft -= allowed.length;
    if (allowed.length > 0) await send(pair.client, allowed);
    if (pair.bytesLeft === 0) this.#end(pair);
  }

  /** Does what a fault does to a connection as such. */
  #strike(pair: Pair): void {
    if (this.#fault.mode === 'cutAfter') pair.bytesLeft = this.#fault.bytes;
    if (this.#fault.mode === 'halfClose') pair.client.end();
    if (this.#fault.mode === 'reset') {
      pair.client.resetAndDestroy();
      this.#end(pair);
    }
  }

  async #whileBlackHole(): Promise<void> {
    while (this.#fault.mode === 'blackHole') await once(this.#ended.signal, 'abort');
  }

  /** Waits, but not beyond the end of the fault. */
  async #pause(ms: number): Promise<void> {
    await wait(ms, undefined, { signal: this.#ended.signal }).catch(() => undefined);
  }

  #end(pair: Pair): void {
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.server.destroy();
  }
}

async function send(to: Socket, chunk: Buffer): Promise<void> {
  if (to.destroyed || to.writableEnded) return;
  if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
}

/** Every connection waits for it: any number of listeners is right. */
function newEnd(): AbortController {
  const end = new AbortController();
  setMaxListeners(0, end.signal);
  return end;
}
