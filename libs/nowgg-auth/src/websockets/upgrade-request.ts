import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { NowggAuthError } from '../errors.js';
import { errorHeaders } from '../http/challenge.js';
import { endOf } from './end-of-socket.js';
import { SUBPROTOCOL } from './socket-credential.js';

const KEY = /^[+/0-9A-Za-z]{22}==$/;

/** Answers an upgrade request that is refused by HTTP. */
export function answer(socket: Duplex, error: NowggAuthError, realm: string): void {
  const body = JSON.stringify(endOf(error));
  const status = error.getStatus();
  const lines = [
    `HTTP/1.1 ${status} ${REASONS.get(status) ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...errorHeaders(error, realm).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.once('finish', () => socket.destroy());
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

const REASONS: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
]);

/**
 * Whether the client sees the answer to a refused upgrade. A browser does not: it always sends its origin, and cannot set
 * the `Authorization` header of a WebSocket.
 */
export function seesHttp({ headers }: IncomingMessage): boolean {
  const { origin, authorization, 'sec-websocket-protocol': protocols = '' } = headers;
  return authorization !== undefined || (origin === undefined && !protocols.includes(SUBPROTOCOL));
}

/** Checked before the identity system is asked; the server itself checks the rest. */
export function isWellFormed({ method, headers }: IncomingMessage): boolean {
  const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = headers;
  return method === 'GET' && upgrade?.toLowerCase() === 'websocket' && KEY.test(key ?? '') && version !== undefined;
}
