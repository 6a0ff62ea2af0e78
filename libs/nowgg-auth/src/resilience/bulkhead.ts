import type { NowggClock } from '../clock.js';
import { Deadlines } from './deadlines.js';
import { RollingWindow } from './rolling-window.js';
import type { Leave, Visitor } from './visitor.js';
import { type Waiter, WaitingRoom } from './waiting-room.js';

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

/** Limits how often visitors enter, in addition to how many are inside. */
export interface EntryRate {
  /** Uses up one entry if there is one for this visitor. */
  take(visitor: Visitor): boolean;
  /** Milliseconds after which a visitor that got no entry should ask again, above 0. */
  pauseMs(visitor: Visitor): number;
  /** Expected milliseconds until this many more visitors have entered, the last of them this one. */
  msFor(entries: number, last: Visitor): number;
  /** Adds a queue of waiting visitors, to be woken when there are new entries. */
  serve(queue: { readonly size: () => number; readonly wake: () => void }): void;
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

/** Time over which entries are counted to estimate a wait, in milliseconds. */
const WINDOW_MS = 2_000;
/** Minimum time between two searches of a full room for visitors whose callers have gone, in milliseconds. */
const SEARCH_EVERY_MS = 50;

const RESERVED: Visitor = Object.freeze({ reserved: true });
const UNRESERVED: Visitor = Object.freeze({});

/**
 * Limits how much of one kind of work is under way, so that slow work uses up its own places and nothing else. Part of
 * the places may be reserved, and no single name may hold or await more than its limit. Visitors with a right to the
 * reserved places enter before all others; the others take turns by name.
 */
export class Bulkhead {
  readonly #clock: NowggClock;
  readonly #sizes: Required<BulkheadSizes>;
  readonly #rate: EntryRate | undefined;
  readonly #deadlines: Deadlines;
  readonly #heldByName = new Map<string, number>();
  readonly #rooms = { reserved: new WaitingRoom(), unreserved: new WaitingRoom() };
  readonly #entries = new RollingWindow(WINDOW_MS);
  #held = 0;
  #heldUnreserved = 0;
  /** Whether the rate had no entry for the last visitor with a place. */
  #isOutOfEntries = false;
  #isPaused = false;
  #searchedAt = Number.NEGATIVE_INFINITY;

  constructor(
    clock: NowggClock,
    { places, unreserved = places, each = places, waiting = 0 }: BulkheadSizes,
    rate?: EntryRate,
  ) {
    this.#clock = clock;
    this.#sizes = { places, unreserved, each, waiting };
    this.#rate = rate;
    this.#deadlines = new Deadlines(clock);
    rate?.serve({ size: () => this.#waiting, wake: () => this.#admitWaiters() });
  }

  /** Takes a place if there is one for this visitor. */
  tryEnter(visitor: Visitor): Leave | undefined {
    this.#admitWaiters();
    if (visitor.yields && this.#waiting > 0) return undefined;
    return this.#judge(visitor) === 'enter' ? this.#take(visitor) : undefined;
  }

  /** Takes a place, waiting for one if there is room to wait. @returns undefined when none came within `waitMs` */
  enter(visitor: Visitor, waitMs: number): Leave | undefined | Promise<Leave | undefined> {
    const leave = this.tryEnter(visitor);
    if (leave || visitor.yields || !this.#mayWait(visitor, waitMs)) return leave;
    return this.#wait(visitor, waitMs);
  }

  /** Expected wait of a visitor that comes now, in milliseconds; undefined when it cannot be known. */
  expectedWaitMs(visitor: Visitor): number | undefined {
    const ahead = visitor.reserved ? this.#rooms.reserved.size : this.#waiting;
    if (this.#rate) return this.#rate.msFor(ahead + 1, visitor);
    const { total } = this.#entries.counts(this.#clock.monotonicNow());
    return total === 0 ? undefined : ((ahead + 1) / total) * WINDOW_MS;
  }

  /** Whether there is a place for this visitor, whatever the rate is. */
  hasPlaceFor({ name, reserved }: Visitor): boolean {
    const { places, unreserved, each } = this.#sizes;
    if (this.#held >= places || (!reserved && this.#heldUnreserved >= unreserved)) return false;
    return name === undefined || (this.#heldByName.get(name) ?? 0) < each;
  }

  get #waiting(): number {
    return this.#rooms.reserved.size + this.#rooms.unreserved.size;
  }

  #judge(visitor: Visitor): 'enter' | 'stay' | 'stop' {
    if (!this.hasPlaceFor(visitor)) return 'stay';
    this.#isOutOfEntries = this.#rate?.take(visitor) === false;
    return this.#isOutOfEntries ? 'stop' : 'enter';
  }

  #take(visitor: Visitor): Leave {
    this.#count(visitor, 1);
    this.#entries.add(true, this.#clock.monotonicNow());
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

  #mayWait(visitor: Visitor, waitMs: number): boolean {
    const { waiting, each, places } = this.#sizes;
    const room = this.#roomOf(visitor);
    if (room.size >= waiting) this.#dismissGone(room);
    if (room.size >= waiting) return false;
    if (this.#rate && (this.expectedWaitMs(visitor) ?? 0) > waitMs) return false;
    // One name may use the same share of the waiting room as of the places.
    return visitor.name === undefined || room.sizeOf(visitor.name) < Math.ceil((waiting * each) / places);
  }

  #dismissGone(room: WaitingRoom): void {
    const now = this.#clock.monotonicNow();
    if (now - this.#searchedAt < SEARCH_EVERY_MS) return;
    this.#searchedAt = now;
    room.dismissGone();
  }

  #wait(visitor: Visitor, waitMs: number): Promise<Leave | undefined> {
    const room = this.#roomOf(visitor);
    return new Promise((resolve) => {
      const giveUp = () => {
        if (room.remove(waiter)) resolve(undefined);
      };
      const cancel = this.#deadlines.set(this.#clock.monotonicNow() + waitMs, giveUp);
      const waiter: Waiter = {
        visitor,
        end: (leave) => {
          cancel();
          resolve(leave);
        },
      };
      room.add(waiter);
      this.#pause();
    });
  }

  #admitWaiters(): void {
    const judge = (visitor: Visitor) => this.#judge(visitor);
    this.#isOutOfEntries = false;
    for (const room of [this.#rooms.reserved, this.#rooms.unreserved]) {
      while (room.size > 0 && this.#held < this.#sizes.places) {
        const waiter = room.next(judge);
        if (!waiter) break;
        waiter.end(this.#take(waiter.visitor));
      }
    }
    this.#pause();
  }

  /** Without a rate only a visitor that leaves makes room; otherwise time does so too. */
  #pause(): void {
    if (!this.#rate || !this.#isOutOfEntries || this.#isPaused || this.#waiting === 0) return;
    this.#isPaused = true;
    const first = this.#rooms.reserved.size > 0 ? RESERVED : UNRESERVED;
    this.#deadlines.set(this.#clock.monotonicNow() + this.#rate.pauseMs(first), () => {
      this.#isPaused = false;
      this.#admitWaiters();
    });
  }

  #roomOf({ reserved }: Visitor): WaitingRoom {
    return reserved ? this.#rooms.reserved : this.#rooms.unreserved;
  }
}
