import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { IdentityHttpPurpose } from '../identity-http.js';

/** Connections for one purpose. */
export interface ConnectionPool {
  readonly http: HttpAgent;
  readonly https: HttpsAgent;
}

const UNNAMED = 'unnamed';

/**
 * Most connections to one host for each purpose; further calls wait in the agent's queue, under their own deadline.
 * Infinity where the callers themselves bound how many calls are under way for each identity provider: a limit for the
 * host here would let one provider's calls delay those of another at the same address.
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

/** Kept-alive connections, apart for each purpose: calls of one kind that take long leave all others untouched. */
export class ConnectionPools {
  readonly #pools = new Map<IdentityHttpPurpose | typeof UNNAMED, ConnectionPool>();

  of(purpose: IdentityHttpPurpose | undefined): ConnectionPool {
    const name = purpose ?? UNNAMED;
    return this.#pools.get(name) ?? this.#create(name);
  }

  /** Closes idle connections. Calls under way run to their end. */
  closeIdle(): void {
    // An agent's own destroy() would take the sockets in use with it.
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
