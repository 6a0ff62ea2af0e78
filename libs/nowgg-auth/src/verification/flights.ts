interface Flight<T> {
  promise: Promise<T>;
  invalidated: boolean;
  /** A flight of the same key that was under way when this one took the slot. */
  readonly older: Flight<T> | undefined;
}

/** Asks once more at most this often when invalidations keep coming. */
const MAX_REPEATS = 2;

/**
 * One question per key at a time. The flight belongs to no caller: whoever started it may go away. A flight that was
 * invalidated while it was under way asks once more before it answers, because its reply may be older than the
 * invalidation; an answer that was invalidated is never settled (kept).
 */
export class Flights<T> {
  readonly #underway = new Map<string, Flight<T>>();

  /** Joins the flight of this key, or starts one. */
  join(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    return this.#underway.get(key)?.promise ?? this.start(key, ask, settle);
  }

  /** Starts a flight of its own even if one is under way; later callers join this newer one. */
  start(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    const flight: Flight<T> = { invalidated: false, older: this.#underway.get(key), promise: undefined as never };
    this.#underway.set(key, flight);
    flight.promise = this.#fly(flight, ask, settle).finally(() => {
      // Only its own slot: a newer flight may have taken it over.
      if (this.#underway.get(key) === flight) this.#underway.delete(key);
    });
    return flight.promise;
  }

  /** Makes every flight of this key ask once more before it answers. */
  invalidate(key: string): void {
    for (let flight = this.#underway.get(key); flight; flight = flight.older) flight.invalidated = true;
  }

  /** Number of keys with a question under way. */
  get size(): number {
    return this.#underway.size;
  }

  async #fly(flight: Flight<T>, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    let answer = await ask();
    for (let repeat = 0; flight.invalidated && repeat < MAX_REPEATS; repeat += 1) {
      flight.invalidated = false;
      answer = await ask();
    }
    if (!flight.invalidated) settle(answer);
    return answer;
  }
}
