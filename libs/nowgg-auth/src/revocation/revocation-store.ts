import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import type { RevocationSubject, Watermark } from './watermark.js';

/** What changed since a cursor, and the cursor to ask with next time. */
export interface RevocationChanges {
  readonly watermarks: readonly Watermark[];
  readonly cursor: string;
}

/**
 * Port: where watermarks are true for all processes. Every operation is a single statement; errors are
 * `IdentityUnavailableError` and carry no parameters.
 */
export abstract class RevocationStore {
  /** Whether other processes can write here too: then it has to be polled. */
  abstract readonly isShared: boolean;

  /** Adds a watermark to what the subject has, see `mergeWatermarks`; gives the outcome. */
  abstract put(watermark: Watermark): Promise<Watermark>;

  /** Lifts everything from a subject. */
  abstract lift(subject: RevocationSubject): Promise<void>;

  abstract find(subject: RevocationSubject): Promise<Watermark | undefined>;

  /**
   * The subjects that changed since the cursor, lifted ones included (with neither time); all that can still refuse
   * something without a cursor. May repeat a change, never leaves one out.
   */
  abstract changesSince(cursor: string | undefined): Promise<RevocationChanges>;

  /**
   * How many watermarks {@link sweepSpent} would delete: only those that nobody has written for so many milliseconds.
   * Stores that keep none for good need not override either.
   */
  async countSpent(_unchangedForMs: number): Promise<number> {
    return 0;
  }

  /** Deletes at most `limit` watermarks that refuse nothing any more, see `isSpent`. @returns how many */
  async sweepSpent(_unchangedForMs: number, _limit: number): Promise<number> {
    return 0;
  }

  /**
   * Calls back soon after another process changed something, where there is a cheap way to hear of it. Only a hint:
   * it may be lost. Gives a function that ends the watch.
   */
  async watch(_onHint: () => void): Promise<() => Promise<void>> {
    return async () => undefined;
  }
}

/** What the module hands to a wiring when it creates the store. */
export interface RevocationStoreContext {
  readonly clock: NowggClock;
}

/** How a revocation store is created: what has to be injected, and what to make of it. */
export interface RevocationStoreWiring {
  readonly inject: readonly InjectionToken[];
  /** @param dependencies instances for {@link inject}, in the same order */
  create(context: RevocationStoreContext, ...dependencies: unknown[]): RevocationStore;
}
