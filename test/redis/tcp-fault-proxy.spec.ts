import { EventEmitter, once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { TcpFaultProxy } from '../support/servers/tcp-fault-proxy.js';

let echo: Server;
let proxy: TcpFaultProxy;
let received: string;
const heard = new EventEmitter();

/** A server that says what it hears. */
beforeEach(async () => {
  received = '';
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('end', () => socket.end());
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString();
      heard.emit(received);
      if (!socket.writableEnded) socket.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await TcpFaultProxy.start({ port: (echo.address() as AddressInfo).port });
});
afterEach(async () => {
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

async function client(): Promise<Socket> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function nextData(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString('latin1');
}

async function untilServerHeard(all: string): Promise<void> {
  if (received !== all) await once(heard, all);
}

describe('TcpFaultProxy', () => {
  it('carries both directions and the end of them', async () => {
    const socket = await client();
    socket.end('hello');
    expect(await text(socket)).toBe('hello');
  });

  it('delays what the server says until the fault ends', async () => {
    proxy.switchTo({ mode: 'delay', ms: 3_600_000 });
    const socket = await client();
    socket.write('late');
    await untilServerHeard('late');
    proxy.switchTo('pass');
    expect(await nextData(socket)).toBe('late');
  });

  it('keeps the order of what it delays', async () => {
    proxy.switchTo({ mode: 'delay', ms: 1 });
    const socket = await client();
    for (let index = 0; index < 50; index += 1) socket.write(`${index},`);
    socket.end();
    expect(await text(socket)).toBe(Array.from({ length: 50 }, (_, index) => `${index},`).join(''));
  });

  it('drips one byte at a time', async () => {
    proxy.switchTo({ mode: 'drip', ms: 3_600_000 });
    const socket = await client();
    socket.write('drip');
    expect(await nextData(socket)).toBe('d');
    proxy.switchTo('pass');
    expect(await nextData(socket)).toBe('rip');
  });

  it('swallows both directions in a black hole and delivers when it ends', async () => {
    const socket = await client();
    socket.write('1');
    expect(await nextData(socket)).toBe('1');
    proxy.switchTo('blackHole');
    socket.write('2');
    const other = await client();
    other.write('3');
    expect(received).toBe('1');
    expect(proxy.openConnections).toBe(2);
    proxy.switchTo('pass');
    expect(await nextData(socket)).toBe('2');
    expect(await nextData(other)).toBe('3');
  });

  it('half-closes: the client hears the end and can still talk', async () => {
    const socket = await client();
    proxy.switchTo('halfClose');
    socket.resume();
    await once(socket, 'end');
    socket.write('still here');
    await untilServerHeard('still here');
    expect(socket.writable).toBe(true);
  });

  it('resets open connections and new ones', async () => {
    const socket = connect({ port: proxy.port, host: '127.0.0.1' });
    socket.write('1');
    await once(socket, 'data');
    const broken = once(socket, 'error');
    proxy.switchTo('reset');
    expect(await broken).toMatchObject([{ code: 'ECONNRESET' }]);
    const next = connect({ port: proxy.port, host: '127.0.0.1' });
    expect(await once(next, 'error')).toMatchObject([{ code: 'ECONNRESET' }]);
  });

  it('cuts a connection after so many bytes of the server', async () => {
    proxy.switchTo({ mode: 'cutAfter', bytes: 3 });
    const socket = await client();
    socket.write('abcdef');
    expect(await nextData(socket)).toBe('abc');
    socket.resume();
    await once(socket, 'end');
    expect(proxy.openConnections).toBe(0);
  });

  it('corrupts what the server says, not what it hears', async () => {
    proxy.switchTo('corrupt');
    const socket = await client();
    socket.write('A');
    expect(await nextData(socket)).toBe(String.fromCharCode(0x41 ^ 0xff));
    expect(received).toBe('A');
  });

  it('counts connections and drops them', async () => {
    const sockets = await Promise.all([client(), client()]);
    for (const socket of sockets) {
      socket.write('1');
      await once(socket, 'data');
    }
    expect(proxy.connectionCount).toBe(2);
    const ended = sockets.map((socket) => once(socket, 'end'));
    proxy.dropConnections();
    await Promise.all(ended);
    expect(proxy.openConnections).toBe(0);
  });
});
