import type { NowggClock } from '../clock.js';

/** Sizes of a {@link Bulkhead}. */
interface BulkheadSizes {
  /** Maximum number of visitors at a time. */
  readonly places: number;
  /** Maximum number of visitors without a right to the reserved places. Default: all of {@link places}. */
  readonly unreserved?: number;
  /** Maximum number of places for one visitor name. Default: no limit for one. */
  readonly each?: number;
  /** Maximum number of waiting visitors, for each of the two kinds. Default 0: no visitor waits for a place. */
  readonly waiting?: number;
}

/** A {@link Bulkhead} of the same sizes for each key, created on first use. Keys come from the configuration. */
export class Bulkheads {
  readonly #clock: NowggClock;
  readonly #sizes: BulkheadSizes;
  readonly #byKey = new Map<string, Bulkhead>();

  constructor(clock: NowggClock, sizes: BulkheadSizes) {
    this.#clock = clock;
    this.#sizes = sizes;
  }

  of(key: string): Bulkhead {
    const bulkhead = this.#byKey.get(key) ?? new Bulkhead(this.#clock, this.#sizes);
    this.#byKey.set(key, bulkhead);
    return bulkhead;
  }
}

/** A visitor of a {@link Bulkhead}. */
interface Visitor {
  /** Visitors of one name share a limit. Undefined: not limited. */
  readonly name?: string | undefined;
  /** Whether it may take the reserved places. */
  readonly reserved?: boolean;
}

/** Releases the place. Must be called exactly once. */
export type Leave = () => void;

interface Waiter {
  readonly visitor: Visitor;
  readonly admit: (leave: Leave) => void;
}

/**
 * Limits how much of one kind of work is under way, so that slow work uses up its own places and nothing else. Part of
 * the places may be reserved, and no single name may hold or await more than its limit.
 */
export class Bulkhead {
  readonly #clock: NowggClock;
  readonly #sizes: Required<BulkheadSizes>;
  readonly #heldByName = new Map<string, number>();
  readonly #waiters = { reserved: new Set<Waiter>(), unreserved: new Set<Waiter>() };
  #held = 0;
  #heldUnreserved = 0;

  constructor(clock: NowggClock, { places, unreserved = places, each = places, waiting = 0 }: BulkheadSizes) {
    this.#clock = clock;
    this.#sizes = { places, unreserved, each, waiting };
  }

  /** Takes a place if there is one for this visitor. */
  tryEnter(visitor: Visitor): Leave | undefined {
    return this.#hasPlaceFor(visitor) ? this.#take(visitor) : undefined;
  }

  /** Takes a place, waiting for one if there is room to wait. @returns undefined when none came within `waitMs` */
  enter(visitor: Visitor, waitMs: number): Leave | undefined | Promise<Leave | undefined> {
    const leave = this.tryEnter(visitor);
    return leave ?? (this.#mayWait(visitor) ? this.#wait(visitor, waitMs) : undefined);
  }

  #hasPlaceFor({ name, reserved }: Visitor): boolean {
    const { places, unreserved, each } = this.#sizes;
    if (this.#held >= places || (!reserved && this.#heldUnreserved >= unreserved)) return false;
    return name === undefined || (this.#heldByName.get(name) ?? 0) < each;
  }

  #take(visitor: Visitor): Leave {
    this.#count(visitor, 1);
    return () => {
      this.#count(visitor, -1);
      this.#admitWaiters();
    };
  }

  #count({ name, reserved }: Visitor, change: 1 | -1): void {
    this.#held += change;
    if (!reserved) this.#heldUnreserved += change;
    if (name === undefined) return;
    const held = (this.#heldByName.get(name) ?? 0) + change;
    if (held === 0) this.#heldByName.delete(name);
    else this.#heldByName.set(name, held);
  }

  #mayWait(visitor: Visitor): boolean {
    const { waiting, each, places } = this.#sizes;
    const waiters = this.#waitersLike(visitor);
    if (waiters.size >= waiting) return false;
    if (visitor.name === undefined) return true;
    // One name may use the same share of the waiting room as of the places.
    let sameName = 0;
    for (const waiter of waiters) if (waiter.visitor.name === visitor.name) sameName += 1;
    return sameName < Math.ceil((waiting * each) / places);
  }

  async #wait(visitor: Visitor, waitMs: number): Promise<Leave | undefined> {
    const waiters = this.#waitersLike(visitor);
    const served = new AbortController();
    return new Promise((resolve) => {
      const waiter: Waiter = {
        visitor,
        admit: (leave) => {
          served.abort();
          resolve(leave);
        },
      };
      waiters.add(waiter);
      const giveUp = () => {
        if (waiters.delete(waiter)) resolve(undefined);
      };
      this.#clock.wait(waitMs, served.signal).then(giveUp, () => undefined);
    });
  }

  #admitWaiters(): void {
    for (const waiters of [this.#waiters.reserved, this.#waiters.unreserved]) {
      for (const waiter of waiters) {
        if (this.#held >= this.#sizes.places) return;
        if (!this.#hasPlaceFor(waiter.visitor)) continue;
        waiters.delete(waiter);
        waiter.admit(this.#take(waiter.visitor));
      }
    }
  }

  #waitersLike({ reserved }: Visitor): Set<Waiter> {
    return reserved ? this.#waiters.reserved : this.#waiters.unreserved;
  }
}
