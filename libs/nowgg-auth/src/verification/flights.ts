interface Flight<T> {
  promise: Promise<T>;
  invalidated: boolean;
}

/** Asks once more at most this often when invalidations keep coming. */
const MAX_REPEATS = 2;

/**
 * One question per key at a time. The flight belongs to no caller: whoever started it may go away. A flight that was
 * invalidated while it was under way asks once more before it answers, because its reply may be older than the
 * invalidation; an answer that was invalidated is never settled (kept).
 */
export class Flights<T> {
  /** For each key the flights that have not landed, the newest last. */
  readonly #underway = new Map<string, Flight<T>[]>();

  /** Joins the newest flight of this key, or starts one. */
  join(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    return this.#underway.get(key)?.at(-1)?.promise ?? this.start(key, ask, settle);
  }

  /** Starts a flight of its own even if one is under way; later callers join this newer one. */
  start(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    const flight: Flight<T> = { invalidated: false, promise: undefined as never };
    const flights = this.#underway.get(key);
    if (flights) flights.push(flight);
    else this.#underway.set(key, [flight]);
    flight.promise = this.#fly(flight, ask, settle).finally(() => this.#land(key, flight));
    return flight.promise;
  }

  /** Makes every flight of this key ask once more before it answers. */
  invalidate(key: string): void {
    for (const flight of this.#underway.get(key) ?? []) flight.invalidated = true;
  }

  /** Number of keys with a question under way. */
  get size(): number {
    return this.#underway.size;
  }

  /** Takes out this flight alone: older and newer ones must still be reached by an invalidation. */
  #land(key: string, flight: Flight<T>): void {
    const left = this.#underway.get(key)?.filter((other) => other !== flight) ?? [];
    if (left.length > 0) this.#underway.set(key, left);
    else this.#underway.delete(key);
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
