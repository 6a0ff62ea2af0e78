interface Caller {
  readonly hasGone: () => boolean;
}

/** The callers that wait for the same work, by its key: when all of them have gone, the work has no receiver. */
export class PresentCallers {
  readonly #byKey = new Map<string, Set<Caller>>();

  /** Counts a caller as present until its work has ended. */
  async during<T>(key: string, hasGone: () => boolean, work: () => Promise<T>): Promise<T> {
    const caller: Caller = { hasGone };
    const present = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, present.add(caller));
    try {
      return await work();
    } finally {
      present.delete(caller);
      if (present.size === 0) this.#byKey.delete(key);
    }
  }

  /** Whether every caller of this key has gone. A caller that cannot be seen to go is present. */
  haveGone(key: string): boolean {
    for (const { hasGone } of this.#byKey.get(key) ?? []) if (!hasGone()) return false;
    return true;
  }
}
