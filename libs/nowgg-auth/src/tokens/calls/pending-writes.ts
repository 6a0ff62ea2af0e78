import type { NowggClock } from '../../clock.js';
import { StoreUnavailableError } from '../../errors.js';
import { TrackedState } from '../../events/state-events.js';
import { type NowggTokenEvent, publishTokenEvent, type TokenCounters } from '../events/token-events.js';

/** Pause after a first failure, in milliseconds; it doubles. */
const FIRST_PAUSE_MS = 25;

/** The owner of a token set, for the events. */
interface SetOwner {
  readonly provider: string;
  readonly grantId: string | undefined;
}

type SetState = Extract<NowggTokenEvent, { type: 'pending_write' }>['state'];

/**
 * Holds token sets from the identity system until they are stored: with a rotating refresh token this process may have
 * the only copy. Tries as long as the process lives.
 */
export class PendingWrites {
  readonly #clock: NowggClock;
  readonly #maxPauseMs: number;
  readonly #counters: TokenCounters;
  readonly #givenUp: AbortSignal;
  readonly #unsaved: TrackedState;
  /** Token sets that were not stored at the first try and are not stored yet. */
  #held = 0;

  /** @param givenUp aborts when the process shuts down and has waited as long as it may */
  constructor(clock: NowggClock, maxPauseMs: number, counters: TokenCounters, givenUp: AbortSignal) {
    this.#clock = clock;
    this.#maxPauseMs = maxPauseMs;
    this.#counters = counters;
    this.#givenUp = givenUp;
    this.#unsaved = new TrackedState(clock, 'unsaved_tokens');
  }

  /** Runs this store operation again and again until it succeeds; it must be safe to repeat. */
  async save<T>(owner: SetOwner, operation: () => Promise<T>): Promise<T> {
    const receivedAt = this.#clock.monotonicNow();
    let last: SetState | undefined;
    const tell = (state: SetState) => this.#tell(owner, (last = state), receivedAt);
    this.#counters.pendingWrites += 1;
    try {
      for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, this.#maxPauseMs)) {
        try {
          return await operation();
        } catch {
          if (this.#givenUp.aborted) {
            tell('abandoned');
            throw new StoreUnavailableError();
          }
          if (last === undefined) tell('held');
          await this.#pause(pauseMs * (0.5 + Math.random() / 2));
        }
      }
    } finally {
      this.#counters.pendingWrites -= 1;
      if (last !== 'abandoned') this.#counters.commitWindow.observe(this.#clock.monotonicNow() - receivedAt);
      if (last === 'held') tell('saved');
    }
  }

  async #pause(ms: number): Promise<void> {
    try {
      await this.#clock.wait(ms, this.#givenUp);
    } catch {
      // One more try, the last one.
    }
  }

  #tell({ provider, grantId }: SetOwner, state: SetState, receivedAt: number): void {
    this.#held += state === 'held' ? 1 : -1;
    if (this.#held > 0) this.#unsaved.begin();
    else if (state === 'saved') this.#unsaved.end();
    else this.#unsaved.drop();
    if (state === 'held') this.#counters.delayedWrites += 1;
    if (state === 'abandoned') this.#counters.abandonedWrites += 1;
    const heldMs = this.#clock.monotonicNow() - receivedAt;
    publishTokenEvent({
      type: 'pending_write',
      provider,
      grantId,
      state,
      heldMs,
      pendingWrites: this.#counters.pendingWrites,
    });
  }
}
