import type { NowggClock } from '../clock.js';
import type { OpenClient } from './connection/redis-client.js';
import { RedisConnection } from './connection/redis-connection.js';
import { REDIS_REVOCATION_CHANNEL } from './redis-keys.js';

/**
 * Listens for revocations that other processes announce, on a connection of its own. Whenever listening starts, for the
 * first time or after an interruption, listeners are called once: what was announced meanwhile is not repeated.
 */
export class RedisRevocationListener {
  readonly #open: OpenClient;
  readonly #clock: NowggClock;
  readonly #listeners = new Set<() => void>();
  #connection: RedisConnection | undefined;
  #isClosed = false;

  constructor(open: OpenClient, clock: NowggClock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** Connects with the first listener. Gives a function that ends this one. */
  listen(listener: () => void): () => void {
    // A function of its own for each call, so that ending one ends no other.
    const own = () => listener();
    this.#listeners.add(own);
    if (!this.#isClosed) this.#connection ??= this.#connect();
    return () => this.#listeners.delete(own);
  }

  close(): void {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#connection?.close();
  }

  #connect(): RedisConnection {
    const announce = () => {
      for (const listener of this.#listeners) listener();
    };
    return new RedisConnection(this.#open, this.#clock, {
      prepare: (client) => client.subscribe(REDIS_REVOCATION_CHANNEL, announce),
      onReady: announce,
    });
  }
}
