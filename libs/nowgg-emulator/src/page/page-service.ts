import type { IncomingMessage, ServerResponse } from 'node:http';
import { isFromThisMachine, pathOf } from '../http/request.js';
import { isPagePath, loadPageFile } from './page-files.js';

/** Headers that permit nothing from other origins, nothing inline, no text that becomes HTML, and no frames. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;

/**
 * The page for people. No `Cross-Origin-Opener-Policy`: a sign-in window has to reach its opener. The page serves
 * browsers on this machine only, as the control interface that it uses does.
 */
export class PageService {
  /** Whether the page answers the request. Other methods go to the vendor's endpoints, which do not know the path. */
  serves(request: IncomingMessage): boolean {
    return (request.method === 'GET' || request.method === 'HEAD') && isPagePath(pathOf(request));
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.resume();
    const plain = 'text/plain; charset=utf-8';
    if (!isFromThisMachine(request))
      return send(response, 403, plain, 'the page serves only browsers on this machine, at a name of this machine\n');
    const file = await loadPageFile(pathOf(request));
    if (!file) return send(response, 404, plain, 'there is no such file\n');
    send(response, 200, file.contentType, file.content);
  }
}

function send(response: ServerResponse, status: number, contentType: string, content: string | Buffer): void {
  if (response.destroyed) return;
  response.writeHead(status, { ...headers, 'content-type': contentType, 'content-length': Buffer.byteLength(content) });
  // Node.js omits the body of an answer to HEAD.
  response.end(content);
}
