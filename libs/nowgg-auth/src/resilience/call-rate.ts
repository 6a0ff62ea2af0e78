import type { NowggClock } from '../clock.js';
import type { EntryRate } from './bulkhead.js';
import type { Visitor } from './visitor.js';
import { type RateLimits, TokenBucket } from './token-bucket.js';

/** Calls that a fleet of processes leases to one of them. */
export interface CallLease {
  /** Number of calls that the process may make within the next second. */
  readonly calls: number;
  /** Number of processes that have asked for calls lately, this one included. */
  readonly processes: number;
}

/** The need of one process for calls. */
export interface CallNeed extends RateLimits {
  /** Number of calls that it wants to make now. */
  readonly wanted: number;
  /** Number of calls that it made without a lease. */
  readonly spent: number;
}

/**
 * Leases calls to this process from the rate that all processes share. `contended` when other processes were faster:
 * nothing is leased or counted, and the next try may succeed. Undefined when leases are not available now.
 */
export type LeaseCalls = (need: CallNeed) => Promise<CallLease | 'contended' | undefined>;

/** Dependencies of a {@link CallRate}. */
interface CallRateParts {
  readonly clock: NowggClock;
  /** The limits of all processes together. */
  readonly limits: RateLimits;
  /** Number of processes that share the limits. Undefined: as many as ask for leases, at least one. */
  readonly expectedInstances?: number | undefined;
  /** Absent when the processes share no Redis. */
  readonly lease?: LeaseCalls | undefined;
}

type Queue = Parameters<EntryRate['serve']>[0];

const NEWCOMER: Visitor = Object.freeze({});
/** Minimum time between two requests for leases, in milliseconds. */
const LEASE_EVERY_MS = 100;
/** Time after which leased calls lapse, in milliseconds. */
const LEASE_LIFE_MS = 1_000;
/**
 * Time for which a new process makes leased calls only, in milliseconds. After it, the process knows how many processes
 * there are, or that leases are not available.
 */
const FIRST_LEASE_MS = 1_000;
/** Part of a share that a process has whatever leases it gets. */
const CERTAIN_PART = 0.5;
const SHORTEST_PAUSE_MS = 1;
/** Parts of a full bucket that newcomers, and visitors that give way, leave to known players. */
const NEWCOMERS_LEAVE = 0.5;
const YIELDING_LEAVE = 0.75;

/**
 * The rate of calls of this process to one system. With leases, all processes together keep the limits. Without them, a
 * process uses its share: the limits divided by the number of processes. Half of a bucket is for visitors with a right
 * to reserved places. Every call counts, and whatever leases say, a process gets at least half of its share after its
 * first second, and never more than the limits of all processes. What it takes from that half is told with the next
 * request for a lease: until then, the processes together may be ahead by about two calls each.
 */
export class CallRate implements EntryRate {
  readonly #clock: NowggClock;
  readonly #limits: RateLimits;
  readonly #expected: number | undefined;
  readonly #lease: LeaseCalls | undefined;
  readonly #queues: Queue[] = [];
  /** Never exceeded, whatever leases say. */
  readonly #most: TokenBucket;
  /** Calls of this process that need no lease. */
  readonly #own: TokenBucket;
  #share: RateLimits;
  #leased = 0;
  #lapsesAt = Number.NEGATIVE_INFINITY;
  #isLeasing = false;
  /** Whether the last lease was all that was wanted. */
  #isLeaseEnough = false;
  #nextLeaseAt = Number.NEGATIVE_INFINITY;
  /** When this process first needed a call, in milliseconds of the monotonic clock. */
  #firstNeedAt: number | undefined;
  #processes: number | undefined;
  /** Calls since {@link #countedFrom}. */
  #made = 0;
  #countedFrom = Number.NEGATIVE_INFINITY;
  /** Calls without a lease that the other processes do not know of yet. */
  #spent = 0;

  constructor({ clock, limits, expectedInstances, lease }: CallRateParts) {
    this.#clock = clock;
    this.#limits = limits;
    this.#expected = expectedInstances;
    this.#lease = lease;
    this.#most = new TokenBucket(clock, limits);
    this.#share = lease ? NOTHING : this.#part(1);
    this.#own = new TokenBucket(clock, this.#share);
  }

  take(visitor: Visitor = NEWCOMER): boolean {
    const isTaken = this.#most.tokens >= 1 && this.#takeShare(visitor);
    if (isTaken) this.#note();
    if (this.#leasedNow < 1) this.#askForLease();
    return isTaken;
  }

  /** Counts a call that is made whether or not the rate allows it. */
  charge(): void {
    if (!this.#takeLeased()) {
      this.#own.charge();
      this.#noteSpent();
    }
    this.#note();
  }

  pauseMs(visitor: Visitor): number {
    const ownMs = this.#own.msUntil(this.#reserveOf(visitor) + 1);
    const nextMs = this.#lease ? Math.min(ownMs, LEASE_EVERY_MS) : ownMs;
    return Math.max(SHORTEST_PAUSE_MS, this.#most.msUntil(1), nextMs);
  }

  msFor(entries: number, visitor: Visitor): number {
    const { perSecond } = this.#lease ? this.#part(1, this.#processes) : this.#share;
    const free = Math.max(0, this.#own.tokens - this.#reserveOf(visitor));
    return Math.max(0, ((entries - this.#leasedNow - free) * 1_000) / perSecond);
  }

  serve(queue: Queue): void {
    this.#queues.push(queue);
  }

  #takeShare(visitor: Visitor): boolean {
    if (this.#takeLeased()) return true;
    this.#endFirstSecond();
    if (this.#mayLeaseMore() || !this.#own.take(this.#reserveOf(visitor))) return false;
    this.#noteSpent();
    return true;
  }

  /** Whether the next lease tells how much there is. One that does not end tells nothing. */
  #mayLeaseMore(): boolean {
    if (!this.#isLeaseEnough) return false;
    return !this.#isLeasing || this.#clock.monotonicNow() - this.#countedFrom < FIRST_LEASE_MS;
  }

  #takeLeased(): boolean {
    if (this.#leasedNow < 1) return false;
    this.#leased -= 1;
    // What a process has in any case is not in addition to what it leases.
    this.#own.drain();
    return true;
  }

  #noteSpent(): void {
    if (this.#lease) this.#spent += 1;
  }

  #note(): void {
    this.#most.charge();
    this.#made += 1;
  }

  get #leasedNow(): number {
    return this.#clock.monotonicNow() < this.#lapsesAt ? this.#leased : 0;
  }

  get #waiting(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.size(), 0);
  }

  #reserveOf({ reserved, yields }: Visitor): number {
    const { burst } = this.#share;
    // Never so much that a full bucket has none to give.
    if (yields) return Math.min(Math.floor(burst * YIELDING_LEAVE), burst - 1);
    return reserved ? 0 : Math.floor(burst * NEWCOMERS_LEAVE);
  }

  #endFirstSecond(): void {
    if (!this.#lease || this.#share !== NOTHING || this.#isNew) return;
    this.#use(this.#part(this.#processes === undefined ? 1 : CERTAIN_PART, this.#processes));
  }

  get #isNew(): boolean {
    const now = this.#clock.monotonicNow();
    this.#firstNeedAt ??= now;
    return now - this.#firstNeedAt < FIRST_LEASE_MS;
  }

  #askForLease(): void {
    const now = this.#clock.monotonicNow();
    if (!this.#lease || this.#isLeasing || now < this.#nextLeaseAt) return;
    // As many as were made lately, in addition to those that wait.
    const usual = Math.ceil((this.#made * LEASE_EVERY_MS) / Math.max(now - this.#countedFrom, LEASE_EVERY_MS));
    const wanted = Math.min(Math.ceil(this.#limits.burst), this.#waiting + Math.max(1, usual));
    this.#isLeasing = true;
    this.#nextLeaseAt = now + LEASE_EVERY_MS;
    this.#made = 0;
    this.#countedFrom = now;
    void this.#renewLease(this.#lease, wanted);
  }

  async #renewLease(lease: LeaseCalls, wanted: number): Promise<void> {
    const spent = this.#spent;
    const answer = await lease({ ...this.#limits, wanted, spent }).catch(() => undefined);
    const granted = answer === 'contended' ? undefined : answer;
    this.#isLeasing = false;
    this.#isLeaseEnough = granted !== undefined && granted.calls >= wanted;
    if (granted) {
      this.#spent -= spent;
      this.#processes = granted.processes;
      this.#leased = this.#leasedNow + Math.min(granted.calls, wanted);
      this.#lapsesAt = this.#clock.monotonicNow() + LEASE_LIFE_MS;
      // The processes do not compete now: the next batch need not wait.
      if (this.#isLeaseEnough) this.#nextLeaseAt = Number.NEGATIVE_INFINITY;
    }
    const isShareKnown = this.#processes !== undefined && !this.#isNew;
    if (isShareKnown) this.#use(this.#part(answer ? CERTAIN_PART : 1, this.#processes));
    if (granted && granted.calls > 0) for (const queue of this.#queues) queue.wake();
  }

  /** A part of this process's share of the limits. */
  #part(part: number, processes = 1): RateLimits {
    const instances = Math.max(this.#expected ?? 1, processes);
    const { perSecond, burst } = this.#limits;
    return { perSecond: (perSecond * part) / instances, burst: Math.max(1, (burst * part) / instances) };
  }

  #use(share: RateLimits): void {
    this.#share = share;
    this.#own.limit(share);
  }
}

/** The share of a new process that waits for its first lease. */
const NOTHING: RateLimits = Object.freeze({ perSecond: 0, burst: 0 });
