interface Flight<T> {
  /** Gone when it has landed. */
  promise: Promise<T> | undefined;
  invalidated: boolean;
}

/** What a flight is for, and what becomes of its answer. */
interface Errand<T> {
  readonly ask: () => Promise<T>;
  readonly settle: (answer: T) => void;
}

/** Most flights of one key at a time; callers beyond that share the next one. */
const MOST_AT_ONCE = 4;
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

  /** For each key that has as many flights as it may: the one that starts when one of them has landed. */
  readonly #next = new Map<string, Promise<T>>();

  /** Joins the newest flight of this key, or starts one. */
  join(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    return this.#underway.get(key)?.at(-1)?.promise ?? this.start(key, ask, settle);
  }

  /**
   * Starts a flight of its own even if one is under way; later callers join this newer one. Beyond a few flights at a time
   * it joins one that has not started yet, so that one token never takes many places at the identity system.
   */
  start(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    const next = this.#next.get(key);
    if (next) return next;
    if ((this.#underway.get(key)?.length ?? 0) < MOST_AT_ONCE) return this.#start(key, ask, settle);
    const started = this.#startAfterOthers(key, ask, settle);
    this.#next.set(key, started);
    return started;
  }

  async #startAfterOthers(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    const others = (this.#underway.get(key) ?? []).map(async ({ promise }) => promise);
    // Their own callers hear of a failure.
    await Promise.race(others).catch(() => undefined);
    this.#next.delete(key);
    return this.#start(key, ask, settle);
  }

  #start(key: string, ask: () => Promise<T>, settle: (answer: T) => void): Promise<T> {
    const flight: Flight<T> = { invalidated: false, promise: undefined };
    const flights = this.#underway.get(key);
    if (flights) flights.push(flight);
    else this.#underway.set(key, [flight]);
    const promise = this.#fly(key, flight, { ask, settle });
    flight.promise = promise;
    return promise;
  }

  /** Makes every flight of this key ask once more before it answers. */
  invalidate(key: string): void {
    for (const flight of this.#underway.get(key) ?? []) flight.invalidated = true;
  }

  /** Number of keys with a question under way. */
  get size(): number {
    return this.#underway.size;
  }

  async #fly(key: string, flight: Flight<T>, { ask, settle }: Errand<T>): Promise<T> {
    try {
      let answer = await ask();
      for (let repeat = 0; flight.invalidated && repeat < MAX_REPEATS; repeat += 1) {
        flight.invalidated = false;
        answer = await ask();
      }
      if (!flight.invalidated) settle(answer);
      return answer;
    } finally {
      this.#land(key, flight);
    }
  }

  /** Takes out this flight alone: older and newer ones must still be reached by an invalidation. */
  #land(key: string, flight: Flight<T>): void {
    const flights = this.#underway.get(key);
    if (flights === undefined || flights.length === 1) this.#underway.delete(key);
    else flights.splice(flights.indexOf(flight), 1);
    // Tables that a `Map` outgrew stay until the next full collection, with all that they point to: let it be little.
    flight.promise = undefined;
  }
}
