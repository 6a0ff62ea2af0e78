import type { IncomingMessage } from 'node:http';
import { isLoopbackHost } from '../options.js';

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
