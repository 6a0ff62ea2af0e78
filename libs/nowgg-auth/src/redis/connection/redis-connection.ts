import type { NowggClock } from '../../clock.js';
import { isReady, type OpenClient, type RedisClient } from './redis-client.js';

export interface RedisConnectionListeners {
  /** Runs on each new client before it counts as connected; when it rejects, another client is tried. */
  readonly prepare?: (client: RedisClient) => Promise<unknown>;
  /** Connected, for the first time or again. */
  readonly onReady: () => void;
  /** Not connected, or no longer. */
  readonly onTrouble?: (error: unknown) => void;
}

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;
/** Connections that are not trusted are replaced no more often than this. */
const REPLACE_MS = 5_000;

/**
 * Keeps a client connected, from the constructor to {@link close}, in the background: it never throws and nobody has to
 * wait for it. A client that cannot be trusted any more is replaced by a new one.
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
   * Starts anew with another client, because this one's replies are overdue or belong to other commands. Does nothing
   * when that was done a moment ago.
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
      // A client that was ended while it connected may have connected all the same.
      if (this.#isDiscarded(client)) return discard(client);
      await this.#listeners.prepare?.(client);
      if (this.#isDiscarded(client)) return;
      this.#isPrepared = true;
      this.#listeners.onReady();
    } catch (error) {
      await this.#retry(client, error, retryMs);
    }
  }

  /** For clusters and sentinels, which give up when none of their servers answers, and for a refused preparation. */
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

/** Ends a client at once; what it was asked rejects. */
function discard(client: RedisClient): void {
  // Some versions throw, others reject, when there is nothing to end.
  void (async () => client.destroy())().catch(() => undefined);
}
