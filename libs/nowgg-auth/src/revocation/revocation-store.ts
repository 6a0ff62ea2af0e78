import type { InjectionToken } from '@nestjs/common';
import type { NowggClock } from '../clock.js';
import { mergeWatermarks, type RevocationSubject, type Watermark } from './marks/watermark.js';

/** What changed since a cursor, and the cursor to ask with next time. */
export interface RevocationChanges {
  readonly watermarks: readonly Watermark[];
  readonly cursor: string;
  /** Whether there is more to be read with this cursor at once. Default false: this is all. */
  readonly isPartial?: boolean;
}

/** The longest lives of tokens: what a mark that is older than that refuses has expired. */
export interface LongestTokenLives {
  /** For a provider that has no entry, milliseconds. */
  readonly defaultMs: number;
  /** By provider, milliseconds. */
  entries(): readonly (readonly [string, number])[];
}

/**
 * Port: where watermarks are true for all processes. Every operation is a single statement; errors are
 * `IdentityUnavailableError` and carry no parameters. `NowggConfigurationError` from {@link changesSince} at the start
 * refuses to boot.
 */
export abstract class RevocationStore {
  /** Whether other processes can write here too: then it has to be polled. */
  abstract readonly isShared: boolean;

  /** Adds a watermark to what the subject has, see `mergeWatermarks`; gives the outcome. */
  abstract put(watermark: Watermark): Promise<Watermark>;

  /**
   * Adds several watermarks, each subject once; gives the outcomes in any order. A store that can do so writes them in
   * one statement, all or none.
   */
  async putMany(watermarks: readonly Watermark[]): Promise<readonly Watermark[]> {
    const outcomes: Watermark[] = [];
    for (const watermark of watermarks) outcomes.push(await this.put(watermark));
    return outcomes;
  }

  /** Lifts everything from a subject. */
  abstract restore(subject: RevocationSubject): Promise<void>;

  abstract find(subject: RevocationSubject): Promise<Watermark | undefined>;

  /**
   * The subjects that changed since the cursor, lifted ones included (with neither time); all that can still refuse
   * something without a cursor. May repeat a change, never leaves one out.
   */
  abstract changesSince(cursor: string | undefined, lives?: LongestTokenLives): Promise<RevocationChanges>;

  /** The longest lives of tokens that {@link keepTokenLife} was told of, by provider. */
  async tokenLives(): Promise<readonly (readonly [string, number])[]> {
    return [];
  }

  /** Keeps the longest life of a provider's tokens, milliseconds; a shorter one than is kept changes nothing. */
  async keepTokenLife(_provider: string, _lifeMs: number): Promise<void> {
    // A store without it has every process learn anew.
  }

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

/** One watermark for each subject, as one statement needs them. */
export function onePerSubject(watermarks: readonly Watermark[]): readonly Watermark[] {
  const merged = new Map<string, Watermark>();
  for (const watermark of watermarks) {
    const key = JSON.stringify([watermark.provider, watermark.kind, watermark.id]);
    merged.set(key, mergeWatermarks(merged.get(key), watermark));
  }
  return [...merged.values()];
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
