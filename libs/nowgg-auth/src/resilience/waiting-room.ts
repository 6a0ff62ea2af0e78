import type { Leave, Visitor } from './visitor.js';

/** A visitor that waits, and the function that ends the wait; without an argument there is no place for it. */
export interface Waiter {
  readonly visitor: Visitor;
  readonly end: (leave?: Leave) => void;
}

/**
 * Visitors that wait for a place. The names take turns, so that one with many visitors does not delay another with few.
 */
export class WaitingRoom {
  readonly #byName = new Map<string | undefined, Set<Waiter>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Number of waiting visitors of this name. */
  sizeOf(name: string): number {
    return this.#byName.get(name)?.size ?? 0;
  }

  add(waiter: Waiter): void {
    const { name } = waiter.visitor;
    const same = this.#byName.get(name);
    if (same) same.add(waiter);
    else this.#byName.set(name, new Set([waiter]));
    this.#size += 1;
  }

  /** @returns whether it was waiting */
  remove(waiter: Waiter): boolean {
    const { name } = waiter.visitor;
    const same = this.#byName.get(name);
    if (!same?.delete(waiter)) return false;
    if (same.size === 0) this.#byName.delete(name);
    this.#size -= 1;
    return true;
  }

  /** Ends the wait of each visitor whose caller has gone. */
  dismissGone(): void {
    for (const waiters of this.#byName.values()) for (const waiter of waiters) this.#dismissIfGone(waiter);
  }

  /**
   * Removes the next visitor that is admitted, in turn by name. Visitors whose callers have gone are dismissed.
   *
   * @param judge `stop`: neither this visitor nor any other is admitted now
   */
  next(judge: (visitor: Visitor) => 'enter' | 'stay' | 'stop'): Waiter | undefined {
    for (const [name, waiters] of this.#byName) {
      for (const waiter of waiters) {
        if (this.#dismissIfGone(waiter)) continue;
        const judgement = judge(waiter.visitor);
        if (judgement === 'stop') return undefined;
        // All visitors of a name have the same limits: the others would not be admitted either.
        if (judgement === 'stay') break;
        this.remove(waiter);
        this.#moveToEnd(name, waiters);
        return waiter;
      }
    }
    return undefined;
  }

  #dismissIfGone(waiter: Waiter): boolean {
    if (!waiter.visitor.isGone?.()) return false;
    this.remove(waiter);
    waiter.end();
    return true;
  }

  #moveToEnd(name: string | undefined, waiters: Set<Waiter>): void {
    if (waiters.size === 0) return;
    this.#byName.delete(name);
    this.#byName.set(name, waiters);
  }
}
