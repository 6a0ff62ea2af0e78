import type { RawAnswer } from './raw-peer.js';

const JSON_TYPE: readonly [string, string] = ['Content-Type', 'application/json'];

/** The bytes of a complete HTTP/1.1 message; `Content-Length` is added unless a header says how long the body is. */
export function message(status: number, body: string | Buffer, headers: ReadonlyArray<readonly [string, string]> = []) {
  const bytes = Buffer.from(body);
  const framed = headers.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name));
  const lines = [...headers, ...(framed ? [] : [['Content-Length', String(bytes.length)] as const])];
  const head = [`HTTP/1.1 ${status} Answer`, ...lines.map(([name, value]) => `${name}: ${value}`)].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`, 'latin1'), bytes]);
}

/** Sends the bytes and keeps the connection. */
export function bytes(content: string | Buffer): RawAnswer {
  return ({ socket }) => void socket.write(content);
}

/** Sends the bytes, then ends the connection. */
export function bytesThenEnd(content: string | Buffer): RawAnswer {
  return ({ socket }) => void socket.end(content);
}

/** Sends the bytes, then tears the connection down with a RST. */
export function bytesThenReset(content: string | Buffer): RawAnswer {
  return ({ socket }) => void socket.write(content, () => socket.resetAndDestroy());
}

/** A body of JSON content type, as it stands. */
export function text(status: number, body: string | Buffer, headers: ReadonlyArray<readonly [string, string]> = []) {
  return bytes(message(status, body, [JSON_TYPE, ...headers]));
}

/** A value as JSON. */
export function json(status: number, value: unknown, headers: ReadonlyArray<readonly [string, string]> = []) {
  return text(status, JSON.stringify(value), headers);
}

/** Says nothing, ever. */
export const silence: RawAnswer = () => undefined;

/** Closes the connection instead of answering. */
export const hangUp: RawAnswer = ({ socket }) => void socket.end();

/** Tears the connection down instead of answering. */
export const reset: RawAnswer = ({ socket }) => void socket.resetAndDestroy();

/** Sends the start at once and the rest one byte at a time, for as long as anyone listens. */
export function drip(start: string | Buffer, rest: string | Buffer): RawAnswer {
  return ({ socket }) => {
    socket.write(start);
    const left = [...Buffer.from(rest)];
    const timer = setInterval(() => {
      const next = left.shift();
      if (next !== undefined) socket.write(Buffer.of(next));
    }, 20);
    socket.once('close', () => clearInterval(timer));
  };
}

/** Sends the start, then the chunk again and again, as fast as it is taken. `onBytes` hears what was handed over. */
export function endless(start: string | Buffer, chunk: string | Buffer, onBytes: (total: number) => void): RawAnswer {
  return ({ socket }) => {
    socket.write(start);
    const more = () => {
      while (!socket.destroyed && socket.write(chunk)) onBytes(socket.bytesWritten);
      onBytes(socket.bytesWritten);
    };
    socket.on('drain', more);
    more();
  };
}

/** Gives the answer when the gate opens. */
export function after(gate: Promise<unknown>, answer: RawAnswer): RawAnswer {
  return async (exchange) => {
    await gate;
    await answer(exchange);
  };
}
