import type { NowggClock } from '../clock.js';

/** Claims that were not given back end in Redis with their lease; here they are forgotten when there are this many. */
const MAX_CLAIMS = 10_000;
/** For so long another process's claim is taken to last when Redis does not answer. Milliseconds. */
const HELD_MS = 100;

/** A claim of this process. */
interface OwnClaim {
  /** Its value in Redis. */
  readonly value: Buffer;
  /** Whether a verdict was written under it. */
  answered: boolean;
}

/** What this process knows about claims on questions: its own, and those that it found held by others. */
export class KnownClaims {
  readonly #clock: NowggClock;
  readonly #own = new Map<string, OwnClaim>();
  readonly #heldUntil = new Map<string, number>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /** The claim is ours. */
  took(key: string, value: Buffer): void {
    this.#heldUntil.delete(key);
    keep(this.#own, key, { value, answered: false });
  }

  /** A verdict was written for this key. */
  wrote(key: string): void {
    const claim = this.#own.get(key);
    if (claim) claim.answered = true;
  }

  /** Ours is over. Undefined when it was not ours. */
  gaveBack(key: string): OwnClaim | undefined {
    const claim = this.#own.get(key);
    this.#own.delete(key);
    return claim;
  }

  /** Another process has it. */
  foundHeld(key: string): void {
    keep(this.#heldUntil, key, this.#clock.monotonicNow() + HELD_MS);
  }

  /** The question has its answer. */
  settled(key: string): void {
    this.#heldUntil.delete(key);
  }

  /**
   * Whether another process had it a moment ago. Then a reply of Redis that is late, which in a busy moment happens to
   * one of the many looks at its verdict, is no reason to ask as well.
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
