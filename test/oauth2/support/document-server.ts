import { LoopbackServer } from './loopback-server.js';

/** A server of JSON documents at fixed paths, under any media type or none. Everything else is a 404. */
export class DocumentServer extends LoopbackServer {
  readonly documents: Record<string, unknown>;

  private constructor(documents: Record<string, unknown>) {
    super();
    this.documents = documents;
  }

  static async start(documents: Record<string, unknown>, type?: string): Promise<DocumentServer> {
    const server = new DocumentServer(documents);
    server.server.on('request', (request, response) => {
      const document = server.documents[request.url ?? ''];
      response.writeHead(document === undefined ? 404 : 200, type === undefined ? {} : { 'content-type': type });
      response.end(JSON.stringify(document ?? {}));
    });
    await server.listen();
    return server;
  }
}
