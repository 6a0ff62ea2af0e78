import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server in the process of the test, on a free port of loopback. Subclasses add what it answers. */
export abstract class LoopbackServer implements AsyncDisposable {
  protected readonly server = createServer();

  /** Subclasses offer a `start`, which waits until the server listens. */
  protected constructor() {}

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  protected async listen(): Promise<void> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
  }
}
