/**
 * Allows one refresh per grant and generation at a time in this process. A call in flight belongs to no caller, and may
 * give up its place before it ends: its late response is then stored, but no new caller waits for it.
 */
export class RefreshFlights<T> {
  readonly #byKey = new Map<string, Promise<T>>();
  readonly #inTheAir = new Set<Promise<T>>();

  /** Joins the call of this key or starts one. `leave` gives up its place. */
  join(key: string, fly: (leave: () => void) => Promise<T>): Promise<T> {
    const underway = this.#byKey.get(key);
    if (underway) return underway;
    const leave = () => {
      // Only its own place: a newer call may have it by now.
      if (this.#byKey.get(key) === flight) this.#byKey.delete(key);
    };
    const flight: Promise<T> = fly(leave).finally(() => {
      leave();
      this.#inTheAir.delete(flight);
    });
    this.#byKey.set(key, flight);
    this.#inTheAir.add(flight);
    // A call that no caller waits for may fail without an unhandled rejection.
    flight.catch(() => undefined);
    return flight;
  }

  /** Whether a call is in flight that a new caller would join. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** All calls that have not ended, including the storing of their responses. */
  get inTheAir(): readonly Promise<T>[] {
    return [...this.#inTheAir];
  }
}
