import type { NowggClock } from '../../clock.js';
import { isReady, type OpenClient, type RedisClient } from './redis-client.js';

interface RedisConnectionListeners {
  /** Called for each new client before it counts as connected; when it rejects, another client is tried. */
  readonly prepare?: (client: RedisClient) => Promise<unknown>;
  /** Called when the client is connected, for the first time or again. */
  readonly onReady: () => void;
  /** Called when the client is not connected, or no longer connected. */
  readonly onTrouble?: (error: unknown) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** Minimum time between two replacements of connections that are not trusted. */
const REPLACE_MS = 5_000;

/**
 * Keeps a client connected in the background, from the constructor to {@link close}. It never throws, and no caller has
 * to wait for it. A client that cannot be trusted any more is replaced by a new one.
 */
export class RedisConnection {
  readonly #open: OpenClient;
  readonly #clock: NowggClock;
  readonly #listeners: RedisConnectionListeners;
  readonly #closing = new AbortController();
  #client: RedisClient;
  #isPrepared = false;
  #replacedAt = Number.NEGATIVE_INFINITY;

  constructor(open: OpenClient, clock: NowggClock, listeners: RedisConnectionListeners) {
    this.#open = open;
    this.#clock = clock;
    this.#listeners = listeners;
    this.#client = this.#start();
  }

  /** The client while it is connected. */
  get client(): RedisClient | undefined {
    return this.#isPrepared && isReady(this.#client) ? this.#client : undefined;
  }

  /**
   * Replaces the client, because its replies are overdue or belong to other commands. Does nothing within
   * `REPLACE_MS` after the last replacement.
   */
  replace(): void {
    const now = this.#clock.monotonicNow();
    if (this.#closing.signal.aborted || now - this.#replacedAt < REPLACE_MS) return;
    this.#replacedAt = now;
    const distrusted = this.#client;
    this.#client = this.#start();
    discard(distrusted);
  }

  close(): void {
    this.#closing.abort();
    this.#isPrepared = false;
    discard(this.#client);
  }

  #start(retryMs = FIRST_RETRY_MS): RedisClient {
    const client = this.#open();
    const { onTrouble, onReady } = this.#listeners;
    this.#isPrepared = false;
    client.on('error', (error) => {
      if (!this.#isDiscarded(client) && !isReady(client)) onTrouble?.(error);
    });
    for (const event of ['ready', 'node-ready']) {
      client.on(event, () => {
        if (!this.#isDiscarded(client) && this.#isPrepared) onReady();
      });
    }
    void this.#connect(client, retryMs);
    return client;
  }

  async #connect(client: RedisClient, retryMs: number): Promise<void> {
    try {
      await client.connect();
      // A client that was discarded while it connected may be connected nevertheless.
      if (this.#isDiscarded(client)) return discard(client);
      await this.#listeners.prepare?.(client);
      if (this.#isDiscarded(client)) return;
      this.#isPrepared = true;
      this.#listeners.onReady();
    } catch (error) {
      await this.#retry(client, error, retryMs);
    }
  }

  /** Needed for clusters and sentinels, which give up when no server answers, and for a failed preparation. */
  async #retry(client: RedisClient, error: unknown, retryMs: number): Promise<void> {
    if (this.#isDiscarded(client)) return;
    this.#listeners.onTrouble?.(error);
    discard(client);
    try {
      await this.#clock.wait(retryMs, this.#closing.signal);
    } catch {
      return;
    }
    if (!this.#isDiscarded(client)) this.#client = this.#start(Math.min(retryMs * 2, LONGEST_RETRY_MS));
  }

  #isDiscarded(client: RedisClient): boolean {
    return client !== this.#client || this.#closing.signal.aborted;
  }
}

/** Closes a client at once; its pending commands reject. */
function discard(client: RedisClient): void {
  // Without an open connection some versions throw and others reject.
  void (async () => client.destroy())().catch(() => undefined);
}
