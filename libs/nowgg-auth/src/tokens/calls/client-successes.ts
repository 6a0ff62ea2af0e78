import type { NowggClock } from '../../clock.js';
import type { TokenStore } from '../store/token-store.js';

const AT_MOST_EVERY_MS = 1_000;

/**
 * Records that a client's credentials work: without this evidence a refusal of one grant does not count. Kept in the
 * store for all processes, written seldom because every refresh would write the same row.
 */
export class ClientSuccesses {
  readonly #store: TokenStore;
  readonly #clock: NowggClock;
  readonly #notedAt = new Map<string, number>();

  constructor(store: TokenStore, clock: NowggClock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Records a success. Never throws: a missing record only makes refusals count later. */
  async note(clientKey: string): Promise<void> {
    const now = this.#clock.monotonicNow();
    if (now - (this.#notedAt.get(clientKey) ?? -Infinity) < AT_MOST_EVERY_MS) return;
    this.#notedAt.set(clientKey, now);
    try {
      await this.#store.noteClientSuccess(clientKey);
    } catch {
      this.#notedAt.delete(clientKey);
    }
  }

  /** Time of the client's last success, in epoch milliseconds of the store's clock. */
  async last(clientKey: string): Promise<number | undefined> {
    // After a refusal, the next success must be written, however soon it comes.
    this.#notedAt.delete(clientKey);
    return this.#store.findClientSuccess(clientKey);
  }
}
