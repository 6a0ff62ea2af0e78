import type { NowggClock } from '../../clock.js';
import { isLive, type GrantRecord } from '../store/grant-record.js';
import type { TokensTiming } from '../calls/refresh-timing.js';
import type { TokenStore } from '../store/token-store.js';

const FIRST_GUESS_MS = 150;
const SHORTEST_PAUSE_MS = 10;
/** Weight of the newest observation. */
const SMOOTHING = 0.2;

/**
 * Waits for a refresh for which another process holds the lease, by polling the row: first when the call has usually
 * ended, then less and less often.
 */
export class LeaseWaiter {
  readonly #store: TokenStore;
  readonly #clock: NowggClock;
  readonly #timing: TokensTiming;
  #usualCallMs = FIRST_GUESS_MS;

  constructor({ store, clock, timing }: { store: TokenStore; clock: NowggClock; timing: TokensTiming }) {
    this.#store = store;
    this.#clock = clock;
    this.#timing = timing;
  }

  /** Updates the usual duration of a call with one of this process. */
  observe(callMs: number): void {
    this.#usualCallMs += SMOOTHING * (Math.min(callMs, this.#timing.softDeadlineMs) - this.#usualCallMs);
  }

  /**
   * @param until monotonic time, in milliseconds
   * @returns true as soon as the lease is available or no longer needed, false when the time is up or the signal aborts
   */
  async changed(held: GrantRecord, until: number, signal: AbortSignal): Promise<boolean> {
    const runningMs = held.readAtMs - (held.attemptStartedAtMs ?? held.readAtMs);
    const first = Math.max(this.#usualCallMs - runningMs, SHORTEST_PAUSE_MS);
    for (
      let pauseMs = first, next = 2 * SHORTEST_PAUSE_MS;
      ;
      pauseMs = next, next = Math.min(2 * next, this.#timing.pollMs)
    ) {
      const leftMs = until - this.#clock.monotonicNow();
      if (leftMs <= 0 || signal.aborted) return false;
      await this.#pause(Math.min(pauseMs * (0.75 + Math.random() / 2), leftMs), signal);
      const current = await this.#store.findGrant(held.id);
      if (!current || current.generation !== held.generation || !isLeased(current)) return true;
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#clock.wait(ms, signal);
    } catch {
      // The process is stopping: the caller checks the signal.
    }
  }
}

function isLeased(grant: GrantRecord): boolean {
  return isLive(grant) && grant.leaseUntilMs !== undefined && grant.leaseUntilMs > grant.readAtMs;
}
