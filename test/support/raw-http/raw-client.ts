import { connect } from 'node:net';
import { headerOf, parseHead } from './raw-request.js';

/** A reply as it came over the wire. */
export interface RawReply {
  readonly status: number;
  readonly headerLines: ReadonlyArray<readonly [string, string]>;
  readonly body: string;
  /** Everything, head and body, to look for what must not be there. */
  readonly wire: string;
  header(name: string): string | undefined;
  json(): Record<string, unknown>;
}

export interface RawCall {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  /** Sent as they stand: same names twice, any bytes (one byte a character). */
  readonly headers?: ReadonlyArray<readonly [string, string]>;
  readonly body?: string;
}

/** Sends one request over a connection of its own, with nothing added but `Host`, `Connection` and the body's length. */
export async function call(port: number, request: RawCall): Promise<RawReply> {
  const { method = 'GET', path = '/', version = 'HTTP/1.1', headers = [], body = '' } = request;
  const lines = [
    `${method} ${path} ${version}`,
    'Host: localhost',
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  return sendBytes(port, Buffer.concat([head, Buffer.from(body, 'utf8')]));
}

/** Sends these bytes and reads until the server closes. The last message of the reply counts. */
export async function sendBytes(port: number, content: Buffer): Promise<RawReply> {
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(content));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    // A server that refuses may reset while it still has bytes to read; what it said before counts.
    socket.on('error', () => undefined);
    socket.on('close', () => resolve());
  });
  return parseReply(Buffer.concat(chunks));
}

function parseReply(received: Buffer): RawReply {
  const wire = received.toString('utf8');
  const last = wire.replace(/^HTTP\/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n/, '');
  const end = last.indexOf('\r\n\r\n');
  const { startLine, headerLines } = parseHead(end < 0 ? last : last.slice(0, end));
  const rest = end < 0 ? '' : last.slice(end + 4);
  const body = headerOf(headerLines, 'transfer-encoding') === 'chunked' ? unchunked(rest) : rest;
  return {
    status: Number(startLine.split(' ')[1] ?? 0),
    headerLines,
    body,
    wire,
    header: (name) => headerOf(headerLines, name),
    json: () => JSON.parse(body) as Record<string, unknown>,
  };
}

function unchunked(body: string): string {
  let left = Buffer.from(body, 'utf8');
  let joined = '';
  for (;;) {
    const line = left.indexOf('\r\n');
    const size = Number.parseInt(left.subarray(0, line).toString('latin1'), 16);
    if (line < 0 || !(size > 0)) return joined;
    joined += left.subarray(line + 2, line + 2 + size).toString('utf8');
    left = left.subarray(line + 4 + size);
  }
}
