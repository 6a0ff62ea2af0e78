import type { NowggClock } from '../clock.js';
import type { OpenClient } from './connection/redis-client.js';
import { RedisConnection } from './connection/redis-connection.js';
import { REDIS_REVOCATION_CHANNEL } from './redis-keys.js';

/**
 * Listens on a separate connection for revocations that other processes announce. Whenever listening starts, for the
 * first time or after an interruption, it calls the listeners once, because missed announcements are not repeated.
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

  /** Adds a listener and connects for the first one. Returns a function that removes the listener. */
  listen(listener: () => void): () => void {
    // A separate function for each call, so that removing one listener does not remove another.
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
