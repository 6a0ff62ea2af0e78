import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A reverse proxy on this machine that says nothing of the caller, as nginx does by default: no `X-Forwarded-For`, and the
 * `Host` of the upstream.
 */
export class LocalProxy implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param rewritesHost whether the upstream sees its own address as `Host`; otherwise the proxy's */
  static async start(upstream: string, rewritesHost: boolean): Promise<LocalProxy> {
    const { hostname, port, host } = new URL(upstream);
    const server = createServer((incoming, outgoing) => {
      const headers = { ...incoming.headers, ...(rewritesHost && { host }) };
      const { method, url: path } = incoming;
      const forwarded = request({ hostname, port, method, path, headers }, (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(outgoing);
      });
      forwarded.on('error', () => outgoing.destroy());
      incoming.pipe(forwarded);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new LocalProxy(server);
  }

  /** A call of someone in the network, who names neither this machine nor the app. */
  async call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    const { port } = this.#server.address() as AddressInfo;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const call = request({
      host: '127.0.0.1',
      port,
      method,
      path,
      headers: { ...(content !== undefined && { 'content-type': 'application/json' }) },
    });
    call.end(content);
    const [reply] = (await once(call, 'response')) as [IncomingMessage];
    let text = '';
    for await (const chunk of reply.setEncoding('utf8')) text += String(chunk);
    return { status: reply.statusCode ?? 0, text };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
