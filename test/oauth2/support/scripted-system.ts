import { LoopbackServer } from './loopback-server.js';

export interface ScriptedReply {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  /** Sent as JSON unless it is text. */
  readonly body?: unknown;
}

/** A server that gives one answer to everything, and remembers what it was asked. */
export class ScriptedSystem extends LoopbackServer {
  reply: ScriptedReply = {};
  /** Given before {@link reply}, each once and in this order. */
  replies: ScriptedReply[] = [];
  readonly seen: { readonly path: string; readonly authorization: string | undefined }[] = [];

  static async start(): Promise<ScriptedSystem> {
    const system = new ScriptedSystem();
    system.server.on('request', (request, response) => {
      system.seen.push({ path: request.url ?? '', authorization: request.headers.authorization });
      const { status = 200, headers = {}, body = {} } = system.replies.shift() ?? system.reply;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
    await system.listen();
    return system;
  }
}
