import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NowggClock } from '../clock.js';

/** Time between two looks at the clock, in milliseconds. */
const TICK_MS = 50;
const SLOTS = 1024;
/** Items that are handled at once; then other work of the process has its turn. */
const SLICE = 250;

/** An item with its time on the wall clock, in milliseconds. */
export interface Due {
  readonly dueMs: number;
}

/**
 * Calls a function for each item when its time has come, at most about 50 ms later: a hashed wheel, with one wait of the
 * clock for all items and none while it is empty.
 */
export class ExpiryWheel<Item extends Due> {
  readonly #clock: NowggClock;
  readonly #onDue: (item: Item) => void;
  readonly #slots: readonly Set<Item>[] = Array.from({ length: SLOTS }, () => new Set<Item>());
  readonly #closing = new AbortController();
  #size = 0;
  #isTurning = false;
  /** The number of the last tick that was handled. */
  #tick = 0;

  /** @param onDue must not throw; the item has been removed before */
  constructor(clock: NowggClock, onDue: (item: Item) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  get size(): number {
    return this.#size;
  }

  /** @param item its time must be in the future */
  add(item: Item): void {
    const slot = this.#slotOf(item);
    if (slot.has(item)) return;
    slot.add(item);
    this.#size += 1;
    if (!this.#isTurning) void this.#turn();
  }

  /** Removes an item that still has the time with which it was added. */
  remove(item: Item): void {
    if (this.#slotOf(item).delete(item)) this.#size -= 1;
  }

  close(): void {
    this.#closing.abort();
  }

  #slotOf({ dueMs }: Item): Set<Item> {
    // An item is handled by the first tick that ends after its time.
    return this.#slots[Math.ceil(dueMs / TICK_MS) % SLOTS] as Set<Item>;
  }

  async #turn(): Promise<void> {
    this.#isTurning = true;
    this.#tick = Math.floor(this.#clock.now() / TICK_MS) - 1;
    try {
      while (this.#size > 0) {
        await this.#handleDue();
        await this.#clock.wait(TICK_MS, this.#closing.signal);
      }
    } catch {
      // close() ended the wait.
    } finally {
      this.#isTurning = false;
    }
  }

  async #handleDue(): Promise<void> {
    const nowMs = this.#clock.now();
    const tick = Math.floor(nowMs / TICK_MS);
    // A clock that jumped passes every slot once, whatever the distance. One that was set back begins there again.
    const first = Math.max(Math.min(this.#tick, tick - 1) + 1, tick - SLOTS + 1);
    this.#tick = tick;
    let handled = 0;
    for (let each = first; each <= tick; each += 1) {
      for (const item of this.#slots[each % SLOTS] as Set<Item>) {
        if (item.dueMs > nowMs) continue;
        this.remove(item);
        this.#onDue(item);
        handled += 1;
        if (handled % SLICE === 0) await nextTurn();
      }
    }
  }
}
