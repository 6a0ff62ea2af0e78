import type { IncomingMessage } from 'node:http';
import { isLoopbackHost } from '../options.js';

/** Largest request body that is read, in bytes. */
export const maxBodyBytes = 64 * 1024;

/** The JSON value of a request body, or the problem with it. `status` is the HTTP status of the refusal. */
export type ReadBody =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly status: number; readonly problem: string };

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Largest request body that is skipped, in bytes; beyond this the connection is closed. */
const maxSkippedBytes = 1024 * 1024;

/** The path of the request's target, without the query. */
export function pathOf({ url = '' }: IncomingMessage): string {
  const queryStart = url.indexOf('?');
  return queryStart < 0 ? url : url.slice(0, queryStart);
}

/** Whether the request announces a body. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/**
 * Reads a JSON body to its end (so that the connection can be used again), keeping at most {@link maxBodyBytes}.
 * Rejects when the caller hangs up before the end.
 */
export async function readJson(request: IncomingMessage): Promise<ReadBody> {
  const bytes = await readBytes(request);
  if (!bytes) return { ok: false, status: 413, problem: 'the body is larger than 64 KiB' };
  if (!/^application\/json\s*(;\s*charset="?utf-8"?\s*)?$/i.test(request.headers['content-type'] ?? ''))
    return { ok: false, status: 415, problem: 'the Content-Type must be application/json' };
  if (request.headers['content-encoding'] !== undefined)
    return { ok: false, status: 415, problem: 'the body must not be encoded' };
  try {
    return { ok: true, value: JSON.parse(strictUtf8.decode(bytes)) };
  } catch {
    return { ok: false, status: 400, problem: 'the body is not JSON in UTF-8' };
  }
}

/** Reads a body; undefined when it is too large. Listens to events: async iteration costs several times as much. */
function readBytes(request: IncomingMessage): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= maxBodyBytes) chunks.push(chunk);
      else if (size > maxSkippedBytes) request.destroy();
    });
    request.once('end', () => resolve(size > maxBodyBytes ? undefined : Buffer.concat(chunks)));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the caller hung up')));
  });
}

/**
 * Whether a program on this machine sent the request, to a name of this machine. The peer's address is not enough: a
 * web page can rebind its own name to 127.0.0.1, which the `Host` header that the browser then sends reveals.
 */
export function isFromThisMachine({ socket, headers }: IncomingMessage): boolean {
  const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
  return isLoopbackHost(socket.remoteAddress ?? '') && isLoopbackHost(host);
}

/**
 * Whether a page of another origin made the browser send the request. Browsers say so in `Origin` or, where they send
 * none (an image, a script, a navigation), in `Sec-Fetch-Site`; other programs send neither.
 */
export function isFromStrangePage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return (
    (headers.origin !== undefined && headers.origin !== `http://${headers.host ?? ''}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  );
}
