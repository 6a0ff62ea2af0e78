import type { NowggClock } from '../clock.js';

/** Claims that nobody gave back end in Redis by themselves; here they are forgotten when there are this many. */
const MAX_CLAIMS = 10_000;
/** For so long another process's claim is taken to last when Redis does not answer. Milliseconds. */
const HELD_MS = 100;

/** What this process knows about claims on questions: its own, and those that it found held by others. */
export class KnownClaims {
  readonly #clock: NowggClock;
  readonly #answered = new Map<string, boolean>();
  readonly #heldUntil = new Map<string, number>();

  constructor(clock: NowggClock) {
    this.#clock = clock;
  }

  /** The claim is ours. */
  took(key: string): void {
    this.#heldUntil.delete(key);
    keep(this.#answered, key, false);
  }

  /** A verdict was written for this key. */
  wrote(key: string): void {
    if (this.#answered.has(key)) this.#answered.set(key, true);
  }

  /** Ours is over. Gives whether a verdict was written under it, undefined when it was not ours. */
  gaveBack(key: string): boolean | undefined {
    const answered = this.#answered.get(key);
    this.#answered.delete(key);
    return answered;
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
