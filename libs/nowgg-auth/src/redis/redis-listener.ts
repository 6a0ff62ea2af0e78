import type { NowggClock } from '../clock.js';
import type { OpenClient, RedisClient } from './connection/redis-client.js';
import { RedisConnection } from './connection/redis-connection.js';
import { REDIS_PLAYER_CHANNEL, REDIS_REVOCATION_CHANNEL } from './redis-keys.js';

/** Longest message that is looked at, in characters: others on the same Redis may send anything. */
const LONGEST_MESSAGE = 4_096;

/**
 * Listens on a separate connection to what other processes announce: revocations, and changes of the application's own
 * users.
 */
export class RedisListener {
  readonly #open: OpenClient;
  readonly #clock: NowggClock;
  readonly #ofRevocations = new Set<() => void>();
  readonly #ofPlayers = new Set<(message: string) => void>();
  #connection: RedisConnection | undefined;
  #isClosed = false;

  constructor(open: OpenClient, clock: NowggClock) {
    this.#open = open;
    this.#clock = clock;
  }

  /**
   * Calls a listener for each announced revocation, and whenever listening starts, for the first time or after an
   * interruption, because missed announcements are not repeated. Returns a function that removes the listener.
   */
  onRevocation(listener: () => void): () => void {
    // A separate function for each call, so that removing one listener does not remove another.
    return this.#add(this.#ofRevocations, () => listener());
  }

  /** Calls a listener with each message about a user. Returns a function that removes the listener. */
  onPlayer(listener: (message: string) => void): () => void {
    return this.#add(this.#ofPlayers, (message: string) => listener(message));
  }

  close(): void {
    this.#isClosed = true;
    this.#ofRevocations.clear();
    this.#ofPlayers.clear();
    this.#connection?.close();
  }

  #add<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
    listeners.add(listener);
    if (!this.#isClosed) this.#connection ??= this.#connect();
    return () => listeners.delete(listener);
  }

  #connect(): RedisConnection {
    const announce = () => {
      for (const listener of this.#ofRevocations) listener();
    };
    const tell = (message: string) => {
      if (message.length > LONGEST_MESSAGE) return;
      for (const listener of this.#ofPlayers) listener(message);
    };
    const prepare = async (client: RedisClient) => {
      await client.subscribe(REDIS_REVOCATION_CHANNEL, announce);
      await client.subscribe(REDIS_PLAYER_CHANNEL, tell);
    };
    return new RedisConnection(this.#open, this.#clock, { prepare, onReady: announce });
  }
}
