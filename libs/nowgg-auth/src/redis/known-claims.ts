import type { NowggClock } from '../clock.js';

/** Claims that were not released expire in Redis with their lease; here all are dropped when there are this many. */
const MAX_CLAIMS = 10_000;
/** Assumed duration of another process's claim while Redis does not answer, in milliseconds. */
const HELD_MS = 100;

/** A claim of this process. */
interface OwnClaim {
  /** The claim's value in Redis. */
  readonly value: Buffer;
  /** Whether a verdict was written under this claim. */
  answered: boolean;
}

/** The claims on requests that this process knows: its own, and those that it found held by other processes. */
export class KnownClaims {
  readonly #clock: NowggClock;
  readonly #own = new Map<string, OwnClaim>();
  readonly #heldUntil = new Map<string, number>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /** Notes that this process got the claim. */
  took(key: string, value: Buffer): void {
    this.#heldUntil.delete(key);
    keep(this.#own, key, { value, answered: false });
  }

  /** Notes that a verdict was written for this key. */
  wrote(key: string): void {
    const claim = this.#own.get(key);
    if (claim) claim.answered = true;
  }

  /** Removes and returns a claim of this process. Undefined when this process did not hold it. */
  gaveBack(key: string): OwnClaim | undefined {
    const claim = this.#own.get(key);
    this.#own.delete(key);
    return claim;
  }

  /** Notes that another process holds the claim. */
  foundHeld(key: string): void {
    keep(this.#heldUntil, key, this.#clock.monotonicNow() + HELD_MS);
  }

  /** Notes that the request has an answer. */
  settled(key: string): void {
    this.#heldUntil.delete(key);
  }

  /**
   * Whether another process held the claim within `HELD_MS`. Then a late reply of Redis, which can happen to one
   * of the many reads of the verdict under load, is not a reason to send a second request.
   */
  wasHeld(key: string): boolean {
    const until = this.#heldUntil.get(key);
    if (until !== undefined && this.#clock.monotonicNow() < until) return true;
    this.#heldUntil.delete(key);
    return false;
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= MAX_CLAIMS) map.clear();
  map.set(key, value);
}
