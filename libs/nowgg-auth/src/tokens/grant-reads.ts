import type { GrantRecord } from './grant-record.js';
import type { TokenStore } from './token-store.js';

type Read = Promise<GrantRecord | undefined>;

/**
 * Reads grants for many callers at once. Whoever asks while a read of the same grant is under way shares the next one
 * with all others who do: nobody gets a row that was read before he asked, and a thousand callers cost two statements.
 */
export class GrantReads {
  readonly #store: TokenStore;
  readonly #underway = new Map<string, Read>();
  readonly #next = new Map<string, Read>();

  constructor(store: TokenStore) {
    this.#store = store;
  }

  find(id: string): Read {
    const underway = this.#underway.get(id);
    if (!underway) return this.#start(id);
    const shared = this.#next.get(id) ?? this.#startAfter(underway, id);
    this.#next.set(id, shared);
    return shared;
  }

  #start(id: string): Read {
    const read: Read = this.#store.findGrant(id).finally(() => {
      if (this.#underway.get(id) === read) this.#underway.delete(id);
    });
    this.#underway.set(id, read);
    return read;
  }

  async #startAfter(underway: Read, id: string): Read {
    try {
      await underway;
    } catch {
      // Its callers hear of it.
    }
    this.#next.delete(id);
    return this.#start(id);
  }
}
