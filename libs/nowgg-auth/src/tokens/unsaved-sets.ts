import type { NowggClock } from '../clock.js';
import { IdentityUnavailableError } from '../errors.js';

/** The pause after a first failure, milliseconds; it doubles. */
const FIRST_PAUSE_MS = 25;

/**
 * Holds what the identity system has handed out until it is stored: with a rotating refresh token this process may have
 * the only copy. Tries as long as the process lives.
 */
export class UnsavedSets {
  readonly #clock: NowggClock;
  readonly #maxPauseMs: number;
  #abandoned = false;
  #size = 0;

  constructor(clock: NowggClock, maxPauseMs: number) {
    this.#clock = clock;
    this.#maxPauseMs = maxPauseMs;
  }

  /** Sets that were received and are not stored yet. */
  get size(): number {
    return this.#size;
  }

  /** Stores by this operation, again and again until it succeeds; it must be safe to repeat. */
  async save<T>(operation: () => Promise<T>): Promise<T> {
    this.#size += 1;
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, this.#maxPauseMs)) {
        try {
          return await operation();
        } catch {
          if (this.#abandoned) throw new IdentityUnavailableError();
          await this.#clock.wait(pauseMs * (0.5 + Math.random() / 2));
        }
      }
    } finally {
      this.#size -= 1;
    }
  }

  /** Ends the retries: the process is going away and has waited as long as it may. */
  abandon(): void {
    this.#abandoned = true;
  }
}
