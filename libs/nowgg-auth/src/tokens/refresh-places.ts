import { Bulkhead, type Leave } from '../bulkhead.js';
import type { NowggClock } from '../clock.js';

/** Refreshes that wait for a place, beyond which none does: each is a player who waits too. */
const MOST_WAITING = 10_000;

/** Bounds the refreshes of each client that are under way in this process, apart from the exchanges of codes. */
export class RefreshPlaces {
  readonly #clock: NowggClock;
  readonly #places: number;
  readonly #byClient = new Map<string, Bulkhead>();

  constructor(clock: NowggClock, places: number) {
    this.#clock = clock;
    this.#places = places;
  }

  /** @returns undefined when no place came free within `waitMs` */
  enter(clientKey: string, waitMs: number): Leave | undefined | Promise<Leave | undefined> {
    return this.#of(clientKey).enter({}, waitMs);
  }

  #of(clientKey: string): Bulkhead {
    const known = this.#byClient.get(clientKey);
    if (known) return known;
    const bulkhead = new Bulkhead(this.#clock, { places: this.#places, waiting: MOST_WAITING });
    this.#byClient.set(clientKey, bulkhead);
    return bulkhead;
  }
}
