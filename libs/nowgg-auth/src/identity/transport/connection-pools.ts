import { buildConnector, type Dispatcher, Pool } from 'undici';
import type { IdentityHttpPurpose } from '../identity-http.js';
import { CONNECT_TIMEOUT_MS, CONNECTION_OPTIONS, KeptConnection } from './kept-connection.js';

const UNNAMED = 'unnamed';

/**
 * Maximum number of connections to one origin for each purpose; further calls wait in the pool's queue, under their own
 * deadline. `null`, no limit, where the callers already limit the concurrent calls of each identity provider: a limit per
 * origin would let one provider's calls delay those of another at the same address.
 */
const MAX_CONNECTIONS: Readonly<Record<IdentityHttpPurpose | typeof UNNAMED, number | null>> = {
  verify: null,
  code: null,
  refresh: null,
  account: null,
  application: 16,
  metadata: 16,
  revocation: 32,
  [UNNAMED]: 256,
};

/** Kept-alive connections, separate for each purpose: slow calls of one kind do not affect the others. */
export class ConnectionPools {
  #pools = new Map<string, Pool>();
  readonly #open = buildConnector({ timeout: CONNECT_TIMEOUT_MS });

  of(purpose: IdentityHttpPurpose | undefined, origin: string): Dispatcher {
    const name = purpose ?? UNNAMED;
    const key = `${name} ${origin}`;
    return this.#pools.get(key) ?? this.#create(key, origin, MAX_CONNECTIONS[name]);
  }

  /** A connection for one request, which closes after it. */
  once(origin: string): Dispatcher {
    return new KeptConnection(origin, this.#open);
  }

  /** Closes idle connections. Running calls are completed; later calls open new connections. */
  closeIdle(): void {
    const pools = [...this.#pools.values()];
    this.#pools = new Map();
    for (const pool of pools) void pool.close();
  }

  #create(key: string, origin: string, connections: number | null): Pool {
    const factory = (url: URL) => new KeptConnection(url, this.#open);
    const pool = new Pool(origin, { ...CONNECTION_OPTIONS, connections, factory });
    this.#pools.set(key, pool);
    return pool;
  }
}
