interface Flight<T> {
  /** Undefined when the call has ended. */
  promise: Promise<T> | undefined;
  invalidated: boolean;
  /** Whether its request was sent: the answer may not reflect what happens from then on. */
  sent: boolean;
  /** Whether its callers accept no answer that is older than this call. */
  readonly asksNow: boolean;
}

/** Sends the request; calls `onSent` at that moment. */
type Ask<T> = (onSent: () => void) => Promise<T>;

/** The request of a call in flight, and the receiver of its answer. */
interface Errand<T> {
  readonly ask: Ask<T>;
  readonly settle: (answer: T) => void;
}

/** Maximum number of repeated requests when invalidations keep coming. */
const MAX_REPEATS = 2;
/** Maximum number of calls in flight for one key; the next one waits, and later callers join it. */
const MAX_UNDERWAY = 4;

/**
 * One request per key at a time. A call in flight belongs to no caller: the caller that started it may go away. A call
 * that was invalidated while it was in flight asks once more before it answers, because its reply may be older than the
 * invalidation; an invalidated answer is never settled (kept).
 */
export class SingleFlight<T> {
  /** The calls in flight for each key, the newest last. */
  readonly #underway = new Map<string, Flight<T>[]>();

  /** Joins the newest call in flight for this key, or starts one. */
  join(key: string, ask: Ask<T>, settle: (answer: T) => void): Promise<T> {
    return this.#underway.get(key)?.at(-1)?.promise ?? this.start(key, ask, settle);
  }

  /** Joins the newest call for this key if its request was not sent yet, or starts one. Later callers join it. */
  joinUnsent(key: string, ask: Ask<T>, settle: (answer: T) => void): Promise<T> {
    const flights = this.#underway.get(key) ?? [];
    const newest = flights.at(-1);
    if (newest?.promise && newest.asksNow && !newest.sent) return newest.promise;
    if (flights.length < MAX_UNDERWAY) return this.start(key, ask, settle, true);
    const underway = flights.map(({ promise }) => promise ?? Promise.resolve());
    const turn = Promise.race<unknown>(underway).catch(() => undefined);
    return this.start(key, async (onSent) => turn.then(() => ask(onSent)), settle, true);
  }

  /** Starts a separate call even if one is in flight; later callers join this newer one. */
  start(key: string, ask: Ask<T>, settle: (answer: T) => void, asksNow = false): Promise<T> {
    const flight: Flight<T> = { invalidated: false, promise: undefined, sent: false, asksNow };
    const flights = this.#underway.get(key);
    if (flights) flights.push(flight);
    else this.#underway.set(key, [flight]);
    const promise = this.#fly(key, flight, { ask, settle });
    flight.promise = promise;
    return promise;
  }

  /** Makes every call in flight for this key ask once more before it answers. */
  invalidate(key: string): void {
    for (const flight of this.#underway.get(key) ?? []) flight.invalidated = true;
  }

  /** Number of keys with a call in flight. */
  get size(): number {
    return this.#underway.size;
  }

  async #fly(key: string, flight: Flight<T>, { ask, settle }: Errand<T>): Promise<T> {
    try {
      const onSent = () => {
        flight.sent = true;
      };
      let answer = await ask(onSent);
      for (let repeat = 0; flight.invalidated && repeat < MAX_REPEATS; repeat += 1) {
        flight.invalidated = false;
        answer = await ask(onSent);
      }
      if (!flight.invalidated) settle(answer);
      return answer;
    } finally {
      this.#land(key, flight);
    }
  }

  /** Removes this call alone: an invalidation must still reach older and newer ones. */
  #land(key: string, flight: Flight<T>): void {
    const flights = this.#underway.get(key);
    if (flights === undefined || flights.length === 1) this.#underway.delete(key);
    else flights.splice(flights.indexOf(flight), 1);
    // Tables that a `Map` outgrew stay until the next full garbage collection, with all that they reference.
    flight.promise = undefined;
  }
}
