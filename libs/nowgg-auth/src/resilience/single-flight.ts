interface Flight<T> {
  /** Gone when it has landed. */
  promise: Promise<T> | undefined;
  invalidated: boolean;
  /** Its question has left: what happens from then on may be unknown to the answer. */
  sent: boolean;
  /** Its callers accept no answer that is older than itself. */
  readonly asksNow: boolean;
}

/** Asks the question; calls back when it leaves. */
type Ask<T> = (onSent: () => void) => Promise<T>;

/** What a flight is for, and what becomes of its answer. */
interface Errand<T> {
  readonly ask: Ask<T>;
  readonly settle: (answer: T) => void;
}

/** Asks once more at most this often when invalidations keep coming. */
const MAX_REPEATS = 2;
/** So many questions about one key may be on their way at a time; the next one waits and gathers those after it. */
const MAX_UNDERWAY = 4;

/**
 * One question per key at a time. The flight belongs to no caller: whoever started it may go away. A flight that was
 * invalidated while it was under way asks once more before it answers, because its reply may be older than the
 * invalidation; an answer that was invalidated is never settled (kept).
 */
export class SingleFlight<T> {
  /** For each key the flights that have not landed, the newest last. */
  readonly #underway = new Map<string, Flight<T>[]>();

  /** Joins the newest flight of this key, or starts one. */
  join(key: string, ask: Ask<T>, settle: (answer: T) => void): Promise<T> {
    return this.#underway.get(key)?.at(-1)?.promise ?? this.start(key, ask, settle);
  }

  /** Joins the newest flight of this key whose question has not left yet, or starts one of its own. Later callers join it. */
  joinUnsent(key: string, ask: Ask<T>, settle: (answer: T) => void): Promise<T> {
    const flights = this.#underway.get(key) ?? [];
    const newest = flights.at(-1);
    if (newest?.promise && newest.asksNow && !newest.sent) return newest.promise;
    if (flights.length < MAX_UNDERWAY) return this.start(key, ask, settle, true);
    const underway = flights.map(({ promise }) => promise ?? Promise.resolve());
    const turn = Promise.race<unknown>(underway).catch(() => undefined);
    return this.start(key, async (onSent) => turn.then(() => ask(onSent)), settle, true);
  }

  /** Starts a flight of its own even if one is under way; later callers join this newer one. */
  start(key: string, ask: Ask<T>, settle: (answer: T) => void, asksNow = false): Promise<T> {
    const flight: Flight<T> = { invalidated: false, promise: undefined, sent: false, asksNow };
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

  /** Takes out this flight alone: older and newer ones must still be reached by an invalidation. */
  #land(key: string, flight: Flight<T>): void {
    const flights = this.#underway.get(key);
    if (flights === undefined || flights.length === 1) this.#underway.delete(key);
    else flights.splice(flights.indexOf(flight), 1);
    // Tables that a `Map` outgrew stay until the next full collection, with all that they point to: let it be little.
    flight.promise = undefined;
  }
}
