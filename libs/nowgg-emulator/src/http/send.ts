import type { ServerResponse } from 'node:http';
import type { Reply } from '../endpoints/reply.js';

export const jsonContentType = 'application/json; charset=utf-8';

/** Sends a reply; does nothing when the caller has disconnected. */
export function sendReply(response: ServerResponse, { status, body, headers }: Reply): void {
  sendText(response, status, JSON.stringify(body), { 'content-type': jsonContentType, ...headers });
}

/** Sends any JSON value of the control interface. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, `${JSON.stringify(value)}\n`, { 'content-type': jsonContentType });
}

export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'cache-control': 'no-store',
    ...headers,
    ...(status !== 204 && status !== 304 && { 'content-length': Buffer.byteLength(text) }),
  });
  response.end(text);
}
