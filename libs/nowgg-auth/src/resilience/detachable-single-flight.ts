/**
 * Runs one call per key at a time in this process. A call belongs to no caller, and may give up its place before it
 * ends: it then continues in the background, and the next caller starts another one.
 */
export class DetachableSingleFlight<T> {
  readonly #byKey = new Map<string, Promise<T>>();
  readonly #pending = new Set<Promise<T>>();

  /** Joins the call of this key or starts one. `leave` gives up its place. */
  join(key: string, start: (leave: () => void) => Promise<T>): Promise<T> {
    const current = this.#byKey.get(key);
    if (current) return current;
    const leave = () => {
      // Only its own place: a newer call may have it by now.
      if (this.#byKey.get(key) === call) this.#byKey.delete(key);
    };
    const call: Promise<T> = start(leave).finally(() => {
      leave();
      this.#pending.delete(call);
    });
    this.#byKey.set(key, call);
    this.#pending.add(call);
    // A call that no caller waits for may fail without an unhandled rejection.
    call.catch(() => undefined);
    return call;
  }

  /** Whether there is a call that a new caller would join. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  /** All calls that have not ended, those that gave up their place included. */
  get pending(): readonly Promise<T>[] {
    return [...this.#pending];
  }
}
