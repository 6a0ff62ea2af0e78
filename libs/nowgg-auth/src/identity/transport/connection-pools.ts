import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { IdentityHttpPurpose } from '../identity-http.js';

/** Connections for one purpose. */
interface ConnectionPool {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

const UNNAMED = 'unnamed';

/**
 * Maximum number of connections to one host for each purpose; further calls wait in the agent's queue, under their own
 * deadline. Infinity where the callers already limit the concurrent calls of each identity provider: a limit per host
 * would let one provider's calls delay those of another at the same address.
 */
const MAX_SOCKETS: Readonly<Record<IdentityHttpPurpose | typeof UNNAMED, number>> = {
  verify: Number.POSITIVE_INFINITY,
  code: Number.POSITIVE_INFINITY,
  refresh: Number.POSITIVE_INFINITY,
  account: Number.POSITIVE_INFINITY,
  application: 16,
  metadata: 16,
  revocation: 32,
  [UNNAMED]: 256,
};

/** Kept-alive connections, separate for each purpose: slow calls of one kind do not affect the others. */
export class ConnectionPools {
  readonly #pools = new Map<IdentityHttpPurpose | typeof UNNAMED, ConnectionPool>();

  of(purpose: IdentityHttpPurpose | undefined): ConnectionPool {
    const name = purpose ?? UNNAMED;
    return this.#pools.get(name) ?? this.#create(name);
  }

  /** Closes idle connections. Running calls are completed. */
  closeIdle(): void {
    // An agent's destroy() would close the sockets in use as well.
    for (const { http, https } of this.#pools.values()) {
      for (const { freeSockets } of [http, https]) {
        for (const socket of Object.values(freeSockets).flat()) socket?.destroy();
      }
    }
  }

  #create(name: IdentityHttpPurpose | typeof UNNAMED): ConnectionPool {
    const settings = { keepAlive: true, maxSockets: MAX_SOCKETS[name], scheduling: 'lifo' } as const;
    const pool = { http: new HttpAgent(settings), https: new HttpsAgent(settings) };
    this.#pools.set(name, pool);
    return pool;
  }
}
