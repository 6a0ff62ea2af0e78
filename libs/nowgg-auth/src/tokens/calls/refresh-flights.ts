/**
 * One refresh per grant and generation at a time in this process. A flight belongs to no caller, and may give its place
 * away while it is still in the air: its reply is then stored_late, but nobody new waits for it.
 */
export class RefreshFlights<T> {
  readonly #byKey = new Map<string, Promise<T>>();
  readonly #inTheAir = new Set<Promise<T>>();

  /** Joins the flight of this key or starts one. `leave` gives its place away. */
  join(key: string, fly: (leave: () => void) => Promise<T>): Promise<T> {
    const underway = this.#byKey.get(key);
    if (underway) return underway;
    const leave = () => {
      // Only its own place: a newer flight may have it by now.
      if (this.#byKey.get(key) === flight) this.#byKey.delete(key);
    };
    const flight: Promise<T> = fly(leave).finally(() => {
      leave();
      this.#inTheAir.delete(flight);
    });
    this.#byKey.set(key, flight);
    this.#inTheAir.add(flight);
    // A flight without passengers may fail unheard.
    flight.catch(() => undefined);
    return flight;
  }

  /** Whether one is under way that a new caller would join. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** All that have not landed, harvests included. */
  get inTheAir(): readonly Promise<T>[] {
    return [...this.#inTheAir];
  }
}
